import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findCycles } from '../../src/config/checks/name-cycles.ts'
import { withWriteTimeout } from '../../src/config/checks/write-timeout.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { printConfig } from '../../src/config/print.ts'
import { endpoints, folder, knownTypes, load, problems, warningsOf } from './support.ts'

const namesAndUrls = (loaded: Awaited<ReturnType<typeof load>>) =>
  loaded.config.discovery.static.endpoints.map(({ name, url }) => `${name} ${url}`)

describe('what Olla accepts', () => {
  it('loads with keys of older files and documents, and warns with the current names', async () => {
    for (const [text, expected] of [
      ['security: { rate_limit: { enabled: true } }', /security: .*server\.rate_limits/],
      ['profiles: { vllm: { streaming: { enabled: true } } }', /profiles\.vllm: .*profiles\.directory/],
      [
        'proxy: { max_idle_conns: 3, idle_conn_timeout: 5s }',
        /proxy\.idle_conn_timeout: .*pool_idle_timeout/,
      ],
      ['proxy: { retry: { max: 1 } }', /proxy\.retry: .*max_retries/],
      ['server: { log_level: debug }', /server\.log_level: .*logging\.level/],
      [
        'model_registry: { unification: { cache_ttl: 5m, custom_rules: [] } }',
        /cache_ttl: .*stale_threshold/,
      ],
      [
        endpoints('{ url: "http://h:1", tags: [a], health_check: { path: / } }'),
        /endpoints\[0\]\.health_check: /,
      ],
    ] as const) {
      assert.match(warningsOf(await load(text)), expected, text)
    }
    assert.match(await problems('discovery: { endpoints: [] }'), /it belongs under discovery\.static/)
  })

  it('replaces values that Olla replaces', async () => {
    const cases: readonly (readonly [
      string,
      (config: Awaited<ReturnType<typeof load>>['config']) => unknown,
      unknown,
    ])[] = [
      ['logging: { level: verbose }', ({ logging }) => logging.level, 'info'],
      [
        'logging: { level: WARN, format: xml }',
        ({ logging }) => [logging.level, logging.format],
        ['warn', 'json'],
      ],
      ['proxy: { profile: zzz }', ({ proxy }) => proxy.profile, 'auto'],
      ['proxy: { engine: Sherpa }', ({ proxy }) => proxy.engine, 'sherpa'],
      [
        'proxy: { sticky_sessions: { key_sources: [bogus, ip], max_sessions: 0 } }',
        ({ proxy }) => [proxy.sticky_sessions.key_sources, proxy.sticky_sessions.max_sessions],
        [['ip'], 10_000],
      ],
      [
        'model_registry: { routing_strategy: { type: zzz, options: { fallback_behavior: zzz } } }',
        ({ model_registry: { routing_strategy } }) => [
          routing_strategy.type,
          routing_strategy.options.fallback_behavior,
        ],
        ['strict', 'compatible_only'],
      ],
      ['server: { rate_limits: { burst_size: 0 } }', ({ server }) => server.rate_limits.burst_size, 50],
      [
        endpoints('{ url: "http://h:1", name: "", type: "", check_timeout: 0, check_interval: 0s }'),
        ({ discovery }) => {
          const [each] = discovery.static.endpoints
          return [each?.name, each?.type, each?.check_timeout, each?.check_interval]
        },
        ['h:1', 'auto', 2000, 5000],
      ],
    ]
    for (const [text, read, expected] of cases)
      assert.deepEqual(read((await load(text)).config), expected, text)
    const named = warningsOf(
      await load('logging: { level: verbose }\nserver: { rate_limits: { burst_size: 0 } }'),
    )
    assert.match(
      named,
      /logging\.level: "verbose" is none of debug, info, warn, error; the default, info, is used/,
    )
    assert.match(named, /burst_size: 0 is not possible/)
    assert.match(await problems('proxy: { engine: zzz }'), /must be one of olla, sherpa$/)
  })

  it('serves a repeated URL or name twice', async () => {
    const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
      [
        '{ url: "https://b", name: a, model_filter: { include: [x] } }, { url: "https://b:443", name: b }',
        ['a https://b', 'b https://b:443'],
        /endpoints\[1\]\.url: endpoint "a" has this URL too/,
      ],
      [
        '{ url: "http://h:1", name: a, priority: 1 }, { url: "http://h:1/", name: a, priority: 2 }',
        ['a http://h:1/'],
        /endpoints\[1\]\.name: .*this one replaces it \(endpoint "a"\)/,
      ],
      [
        '{ url: "http://h:1", name: a }, { url: "http://h:2", name: a }, { url: "http://h:3", name: a }',
        ['a http://h:1', 'a-2 http://h:2', 'a-3 http://h:3'],
        /this one is called "a-3"/,
      ],
      [
        '{ url: "http://h:1/x" }, { url: "http://h:1/y" }',
        ['h:1 http://h:1/x', 'h:1-2 http://h:1/y'],
        /endpoints\[1\]\.url: an earlier endpoint has this name/,
      ],
      [
        '{ url: "http://localhost:1", name: a }, { url: "http://127.0.0.1:1", name: b }, { url: "http://[::1]:1", name: c }',
        ['a http://localhost:1', 'b http://127.0.0.1:1', 'c http://[::1]:1'],
        /endpoints\[2\]\.url: is the same server as endpoint "b"/,
      ],
    ]
    for (const [list, expected, warning] of cases) {
      const loaded = await load(endpoints(list))
      assert.deepEqual(namesAndUrls(loaded), expected)
      assert.match(warningsOf(loaded), warning)
    }
  })

  it('adds Olla’s default endpoint if a file has no list, and none if the list is empty', async () => {
    for (const text of [
      '',
      '# only a comment\n',
      'server: { port: 1 }\n',
      'discovery:\n',
      'discovery: { static: {} }\n',
    ]) {
      const loaded = await load(text)
      assert.deepEqual(namesAndUrls(loaded), ['localhost http://localhost:11434'], text)
      assert.match(warningsOf(loaded), /as in Olla, the default is used/)
    }
    for (const text of [endpoints(''), 'discovery:\n  static:\n    endpoints:\n']) {
      const loaded = await load(text)
      assert.deepEqual(namesAndUrls(loaded), [])
      assert.match(warningsOf(loaded), /the list is empty/)
    }
    const inPlace = await load('server: { port: 11434 }')
    assert.deepEqual(namesAndUrls(inPlace), [])
  })

  it('limits no client if a file disables the limit per address', async () => {
    const limit = async (text: string) =>
      (await load(text)).config.server.rate_limits.global_requests_per_minute
    assert.equal(await limit('server: { rate_limits: { per_ip_requests_per_minute: 0 } }'), 0)
    assert.equal(await limit('server: { rate_limits: { per_ip_requests_per_minute: 5 } }'), 1000)
    const both = 'server: { rate_limits: { per_ip_requests_per_minute: 0, global_requests_per_minute: 9 } }'
    assert.equal(await limit(both), 9)
    assert.match(warningsOf(await load(both)), /disables both limits in Olla/)
  })
})

describe('base URLs', () => {
  it('may end with a path that requests repeat', async () => {
    for (const [url, rest, expected] of [
      ['http://h:1/v1', '', 'http://h:1/'],
      ['http://h:1/v1/', '', 'http://h:1/'],
      ['http://h:1/v1/chat/completions', '', 'http://h:1/'],
      ['http://h:1/v1/models?a=b', '', 'http://h:1/?a=b'],
      ['http://h:1/api', ', type: ollama', 'http://h:1/'],
      ['http://h:1/api/chat', ', type: ollama', 'http://h:1/'],
      ['http://h:1/api', '', 'http://h:1/api'],
      ['http://h:1/x/v1/embeddings', ', preserve_path: true', 'http://h:1/x/v1'],
      ['http://h:1/x/v1', ', preserve_path: true', 'http://h:1/x/v1'],
      ['http://h:1/models', '', 'http://h:1/models'],
      ['http://h:1#x', '', 'http://h:1/'],
    ] as const) {
      const loaded = await load(endpoints(`{ url: "${url}", name: a${rest} }`))
      assert.deepEqual(namesAndUrls(loaded), [`a ${expected}`])
      assert.equal(/endpoints\[0\]\.url: /.test(warningsOf(loaded)), url !== expected, url)
    }
  })

  it('contain no credentials, and their queries are hidden', async () => {
    for (const key of ['url', 'health_check_url', 'model_url']) {
      const rest = key === 'url' ? '' : 'url: "http://h:1", '
      const message = await problems(endpoints(`{ ${rest}name: a, ${key}: "http://me:hunter2@h:1/x" }`))
      assert.match(
        message,
        new RegExp(`endpoints\\[0\\]\\.${key}: must not hold credentials.*\\(endpoint "a"\\)$`),
      )
      assert.doesNotMatch(message, /hunter2/)
    }
    const shown = printConfig(
      (await load(endpoints('{ url: "http://h:1?k=hunter2", name: a, model_url: "/v1/models?key=hunter2" }')))
        .config,
    )
    assert.doesNotMatch(shown, /hunter2/)
  })

  it('are not the gateway’s own address', async () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['localhost', 'http://localhost:40114', true],
      ['localhost', 'http://127.0.0.1:40114', true],
      ['127.0.0.1', 'http://localhost:40114/x', true],
      ['127.0.0.1', 'http://127.0.0.2:40114', false],
      ['0.0.0.0', 'http://[::1]:40114', false],
      ['::', 'http://[::1]:40114', true],
      ['0.0.0.0', 'http://127.0.0.1:40115', false],
      ['10.1.2.3', 'http://10.1.2.3:40114', true],
    ]
    for (const [host, url, isSelf] of cases) {
      const text = `server: { host: "${host}" }\n${endpoints(`{ url: "${url}", name: a }`)}`
      if (isSelf) assert.match(await problems(text), /is the gateway's own address/, `${host} ${url}`)
      else assert.ok(await load(text))
    }
    assert.ok(parseConfig({ discovery: { static: { endpoints: [{ url: 'http://localhost:40114' }] } } }))
  })
})

describe('server.write_timeout', () => {
  it('limits every answer, also of endpoints with a longer limit', () => {
    const limits = (server: Record<string, unknown>, timeouts: Record<string, unknown>) => {
      const list = [{ url: 'http://h:1', timeouts }]
      const config = parseConfig({ server, discovery: { static: { endpoints: list } } })
      const { proxy, discovery } = withWriteTimeout(config)
      return [proxy.response_timeout, discovery.static.endpoints[0]?.timeouts.total]
    }
    assert.deepEqual(limits({}, {}), [900_000, 0])
    assert.deepEqual(limits({ write_timeout: '5s' }, {}), [5000, 0])
    assert.deepEqual(limits({ write_timeout: '5s' }, { total: '1m' }), [5000, 5000])
    assert.deepEqual(limits({ write_timeout: '5s' }, { total: '1s' }), [5000, 1000])
  })
})

describe('circular names', () => {
  it('cause a warning', async () => {
    const warnings = warningsOf(
      await load(
        'model_aliases: { a: [b], b: [c, x], c: [a], d: [d] }\nmodel_fallbacks: { m: [n], n: [m], o: [o] }',
      ),
    )
    assert.match(warnings, /model_aliases\.a: these aliases are circular: "a" → "b" → "c" → "a"/)
    assert.match(warnings, /model_fallbacks\.m: these fallbacks are circular/)
    assert.match(warnings, /model_fallbacks\.o: the model is its own fallback/)
    assert.doesNotMatch(warnings, /"d"/)
  })

  it('are found in long chains', () => {
    const chain = new Map(
      Array.from({ length: 50_000 }, (_, at) => [`m${at}`, [`m${(at + 1) % 50_000}`]] as const),
    )
    assert.equal(findCycles(chain).length, 1)
  })
})

describe('the file search', () => {
  it('skips the stock file, and reports what else it skipped', async () => {
    const { stockConfigFile } = await import('../../src/kernel/package.ts')
    const { readFile } = await import('node:fs/promises')
    const stock = await readFile(stockConfigFile, 'utf8')
    const find = async (files: Record<string, string>) => {
      const { file, skippedFiles } = loadConfig({ env: {}, cwd: await folder(files), knownTypes })
      return [file, skippedFiles]
    }
    const own = 'server: { port: 3 }'
    assert.deepEqual(await find({ 'config/config.yaml': stock, 'config.yaml': own }), [
      'config.yaml',
      ['config/config.yaml'],
    ])
    assert.deepEqual(await find({ 'config/config.yaml': own, 'config.yaml': own }), [
      'config/config.yaml',
      ['config.yaml'],
    ])
    assert.deepEqual(await find({ 'config/config.yaml': stock }), ['config/config.yaml', []])
    assert.deepEqual(await find({ 'config/config.yaml': stock, 'default.yaml': own }), [
      'default.yaml',
      ['config/config.yaml'],
    ])
  })

  it('reports why a file cannot be read', async () => {
    const cwd = await folder({ 'a/b.yaml': '' })
    assert.throws(
      () => loadConfig({ file: 'a', env: {}, cwd, knownTypes }),
      /^ConfigError: a: cannot be read: it is a directory$/,
    )
  })
})

describe('a value with several allowed forms', () => {
  it('produces one error', async () => {
    for (const [text, expected] of [
      [
        'model_aliases: { a: b }',
        /^config\.yaml:1:18 model_aliases\.a: must be a list of models, or a mapping with "targets"$/,
      ],
      ['model_aliases: { a: [] }', /model_aliases\.a: /],
      ['model_aliases: { a: { targts: [b] } }', /targts: unknown key/],
      ['model_aliases: { a: { targets: [{ modle: x }] } }', /modle: unknown key/],
      ['server: { port: 70000 }', /^config\.yaml:1:11 server\.port: must be at most 65535$/],
      [
        'dashboard: { admin_token: short }',
        /^config\.yaml:1:14 dashboard\.admin_token: must have at least 16 characters$/,
      ],
    ] as const) {
      const message = await problems(text)
      assert.match(message, expected, text)
      if (expected.source.endsWith('$')) assert.equal(message.split('\n').length, 1, message)
    }
  })
})

describe('flags and variables', () => {
  it('are named if their value is invalid', async () => {
    const cwd = await folder({ 'config.yaml': 'server: { threads: 2 }\n' })
    const flags = new Map([
      ['OLLA_SERVER_PORT', '--port'],
      ['OLLA_SERVER_THREADS', '--threads'],
    ])
    const fail = (env: Record<string, string>, expected: RegExp) =>
      assert.throws(() => loadConfig({ env, flags, cwd, knownTypes }), expected)
    fail({ OLLA_SERVER_PORT: 'abc' }, /^ConfigError: --port: must be a whole number, not "abc"$/)
    fail({ OLLA_SERVER_PORT: '70000' }, /^ConfigError: --port: must be at most 65535$/)
    fail(
      { OLLA_SERVER_THREADS: '0' },
      /^ConfigError: --threads: must be a whole number from 1 to 255, or auto$/,
    )
    fail(
      { OLLA_SERVER_READ_TIMEOUT: '30' },
      /^ConfigError: OLLA_SERVER_READ_TIMEOUT: must be a duration with a unit/,
    )
    fail({ OLLA_PROXY_ENGINE: 'x' }, /^ConfigError: OLLA_PROXY_ENGINE: must be one of olla, sherpa$/)
  })

  it('are reported together with the file, and an unset reference with its endpoint', async () => {
    const message = await problems(
      endpoints(
        '{ url: "http://h:1", name: a }, { url: "http://h:2", name: b, auth: { type: bearer, token: "${NOPE}" } }',
      ),
    )
    assert.match(
      message,
      /endpoints\[1\]\.auth\.token: the environment variable NOPE is not set.*\(endpoint "b"\)$/,
    )
    const several = await problems(endpoints('{ url: "http://h:1", name: a, type: olama, prority: 3 }'))
    assert.match(several, /prority: unknown key/)
    assert.match(several, /did you mean "ollama"\?/)
  })
})
