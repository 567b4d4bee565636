import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { environmentKeys } from '../../src/config/file/environment.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { printConfig } from '../../src/config/print.ts'
import { ConfigError } from '../../src/config/schema/diagnostics.ts'
import { editorSchema } from '../../src/config/schema/json-schema.ts'
import { folder, knownTypes, load, problems } from './support.ts'

const endpoint = (rest = '') =>
  `discovery:\n  static:\n    endpoints:\n      - url: http://localhost:1\n        name: a\n        type: ollama\n${rest}`

describe('loadConfig', () => {
  it('loads a stock Olla file and warns of keys without effect', async () => {
    const file = fileURLToPath(new URL('fixtures/olla-stock.yaml', import.meta.url))
    const { config, warnings } = loadConfig({ file, env: {}, cwd: '/', knownTypes })
    assert.equal(config.server.port, 40114)
    assert.equal(config.proxy.read_timeout, 600_000)
    assert.equal(config.discovery.static.endpoints[0]?.check_interval, 2000)
    assert.deepEqual(warnings.map(({ key }) => key).sort(), [
      'discovery.health_check',
      'model_registry.unification.enabled',
      'proxy.retry',
      'server.host',
      'server.rate_limits.per_endpoint',
    ])
  })

  it('looks for files in Olla’s order and loads exactly one', async () => {
    const cwd = await folder({
      'config/config.yaml': 'server: { port: 2 }',
      'config.yaml': 'server: { port: 3 }',
      'named.yaml': 'server: { port: 4 }',
    })
    const port = (options: { file?: string; env?: Record<string, string> }) =>
      loadConfig({ env: {}, cwd, knownTypes, ...options }).config.server.port
    assert.equal(port({}), 2)
    assert.equal(port({ file: 'named.yaml' }), 4)
    assert.equal(port({ env: { OLLA_CONFIG_FILE: 'named.yaml' } }), 4)
    assert.throws(() => port({ file: 'none.yaml' }), /specified config file not found: none\.yaml/)
    assert.equal(loadConfig({ env: {}, cwd: await folder({}), knownTypes }).file, undefined)
  })

  it('reports line, column, key and the nearest valid key', async () => {
    assert.match(
      await problems('proxy:\n  load_balancr: x\n'),
      /config\.yaml:2:3 proxy\.load_balancr: unknown key, did you mean "load_balancer"\?/,
    )
    assert.match(
      await problems('max_body_size: 3\n'),
      /config\.yaml:1:1 max_body_size: unknown key; it belongs under server\.request_limits/,
    )
    assert.match(
      await problems('server:\n  port: many\n'),
      /config\.yaml:2:3 server\.port: must be a whole number/,
    )
    assert.match(
      await problems('proxy:\n  engine: shepra\n'),
      /proxy\.engine: must be one of olla, sherpa, did you mean "sherpa"\?/,
    )
    assert.match(
      await problems('proxy:\n  read_timeout: 30\n'),
      /proxy\.read_timeout: must be a duration with a unit, for example 30s/,
    )
    assert.match(await problems('server:\n  port: 1\n  port: 2\n'), /config\.yaml:3:3 /)
    assert.match(await problems('server: [\n'), /config\.yaml:\d+:\d+ /)
    assert.match(
      await problems(endpoint('        weigth: 2\n')),
      /config\.yaml:7:9 .*endpoints\[0\]\.weigth: unknown key, did you mean "weight"\?/,
    )
  })

  it('reports every problem at once', async () => {
    assert.equal(
      (await problems('server: { prot: 1 }\nproxy: { engin: x }\nloging: {}\n')).split('\n').length,
      3,
    )
  })

  it('expands variables in any value, typed by the expanded text', async () => {
    const text = 'server:\n  port: ${PORT}\n  host: "${HOST:-localhost}"\nproxy:\n  read_timeout: ${T:-5m}\n'
    const { config } = await load(text, { PORT: '4711' })
    assert.deepEqual(
      [config.server.port, config.server.host, config.proxy.read_timeout],
      [4711, 'localhost', 300_000],
    )
    assert.match(
      await problems('server:\n  host: ${NOWHERE}\n'),
      /config\.yaml:2:9 server\.host: the environment variable NOWHERE is not set/,
    )
  })

  it('gives the environment precedence over the file', async () => {
    const { config } = await load('server: { port: 1 }', {
      OLLA_SERVER_PORT: '2',
      OLLA_SERVER_MAX_BODY_SIZE: '5MB',
      OLLA_SERVER_CORS_ALLOWED_ORIGINS: 'https://a, https://b',
      OLLA_PROXY_READ_TIMEOUT: '90s',
      OLLA_SERVER_TRUST_PROXY_HEADERS: 'true',
    })
    assert.equal(config.server.port, 2)
    assert.equal(config.server.request_limits.max_body_size, 5 * 1024 * 1024)
    assert.deepEqual(config.server.cors.allowed_origins, ['https://a', 'https://b'])
    assert.equal(config.proxy.read_timeout, 90_000)
    assert.equal(config.server.rate_limits.trust_proxy_headers, true)
    assert.match(
      await problems('', { OLLA_SERVER_PORT: 'many' }),
      /OLLA_SERVER_PORT: must be a whole number, not "many"/,
    )
    const { warnings } = await load('', { OLLA_SERVER_PROT: '1' })
    assert.match(warnings[0]?.message ?? '', /did you mean OLLA_SERVER_PORT\?/)
  })

  it('has an override for every variable of the contract', () => {
    for (const name of [
      'OLLA_SERVER_HOST',
      'OLLA_PROXY_ENGINE',
      'OLLA_SHOW_NERD_STATS',
      'OLLA_LOG_DIR',
      'OLLA_MODEL_UNIFIER_ENABLED',
      'OLLA_TRANSLATORS_ANTHROPIC_ENABLED',
    ]) {
      assert.ok(environmentKeys.has(name), name)
    }
  })

  it('reads secrets from files and never shows them', async () => {
    const text = endpoint(
      '        auth: { type: bearer, token_file: secret.txt }\n        headers: { X-Key: "hidden-too" }\n',
    )
    const cwd = await folder({ 'config.yaml': text, 'secret.txt': 'top-secret\n' })
    const { config } = loadConfig({ env: {}, cwd, knownTypes })
    assert.equal(config.discovery.static.endpoints[0]?.auth?.token, 'top-secret')
    assert.doesNotMatch(printConfig(config), /top-secret|hidden-too/)
  })

  it('takes the admin token from the file, another file or the environment, and never shows it', async () => {
    const cwd = await folder({
      'a.yaml': 'dashboard: { admin_token_file: token }',
      token: 'sixteen-letters-1\n',
    })
    const { config } = loadConfig({ file: 'a.yaml', cwd, env: {}, knownTypes })
    assert.equal(config.dashboard.admin_token, 'sixteen-letters-1')
    assert.doesNotMatch(printConfig(config), /sixteen/)
    const env = { OLLA_DASHBOARD_ADMIN_TOKEN: 'sixteen-letters-2' }
    assert.equal(
      loadConfig({ none: true, cwd, env, knownTypes }).config.dashboard.admin_token,
      'sixteen-letters-2',
    )
    const own = parseConfig({
      dashboard: { admin_token: 'sixteen-letters-3', access_policy: { allowed_cidrs: [] } },
    })
    assert.equal(own.dashboard.admin_token, 'sixteen-letters-3')
    assert.match(
      await problems(endpoint('        auth: { type: bearer, token_file: gone.txt }\n')),
      /token_file: the file gone\.txt cannot be read/,
    )
  })

  it('knows the types of the profiles in a configured folder', async () => {
    const endpoints = [{ url: 'http://localhost:1', type: 'mine' }]
    const yaml = JSON.stringify({ profiles: { directory: 'own' }, discovery: { static: { endpoints } } })
    const cwd = await folder({ 'config.yaml': yaml })
    const asked: string[] = []
    const typesOf = (types: string[]) => (directory: string) => {
      asked.push(directory)
      return types
    }
    assert.ok(loadConfig({ env: {}, cwd, knownTypes: typesOf(['mine']) }))
    assert.throws(() => loadConfig({ env: {}, cwd, knownTypes: typesOf(['other']) }), ConfigError)
    assert.deepEqual(asked, ['own', 'own'])
  })

  it('checks constraints that the schema cannot express', async () => {
    const auth = (inner: string) => endpoint(`        auth: { ${inner} }\n`)
    assert.match(
      await problems(auth('type: bearer, token: a, token_file: b')),
      /set either "token" or "token_file", not both/,
    )
    assert.match(await problems(auth('type: basic, username: a')), /"password" or "password_file" is missing/)
    assert.match(
      await problems(endpoint('        check_interval: 500ms\n')),
      /check_interval: must be at least 1s/,
    )
    assert.match(
      await problems(endpoint('        check_timeout: 9s\n')),
      /check_timeout: must be less than check_interval/,
    )
    assert.match(
      await problems(endpoint().replace('ollama', 'olama')),
      /unsupported endpoint type: olama, did you mean "ollama"\?/,
    )
    assert.match(
      await problems('server: { cors: { enabled: true, allow_credentials: true } }'),
      /cannot be used with the origin "\*"/,
    )
    for (const host of ['https://llm.example.com', 'llm.example.com:443', '*.example.com', '""']) {
      assert.match(
        await problems(`server: { allowed_hosts: [${host.includes('*') ? `"${host}"` : host}] }`),
        /is not a host name/,
      )
    }
    assert.match(
      await problems('dashboard: { access_policy: { allowed_cidrs: [nope] } }'),
      /"nope" is not a network/,
    )
    assert.match(
      await problems('dashboard: { access_policy: { allowed_cidrs: [] } }'),
      /must not be empty while the dashboard is enabled/,
    )
    const short = await problems('dashboard: { admin_token: shorty }')
    assert.match(short, /dashboard\.admin_token/)
    assert.doesNotMatch(short, /shorty/)
    assert.match(await problems('dashboard: { admin_token_file: nowhere }'), /nowhere cannot be read/)
    assert.match(
      await problems('dashboard: { admin_token: sixteen-letters-1, admin_token_file: x }'),
      /either "admin_token" or "admin_token_file"/,
    )
    const managed = (name: string) => problems(`${endpoint()}proxy: { management_endpoints: ["${name}"] }\n`)
    assert.match(await managed('nowhere'), /there is no endpoint "nowhere"/)
    await assert.doesNotReject(async () => parseConfig({ proxy: { management_endpoints: ['gpu-*'] } }))
    assert.match(await problems('model_aliases: { a: [] }'), /model_aliases\.a: /)
    assert.match(await problems('discovery: { model_discovery: { interval: 0 } }'), /must be more than 0/)
    const userinfo = await problems(endpoint().replace('http://', 'http://me:hunter2@'))
    assert.match(userinfo, /must not hold credentials/)
    assert.doesNotMatch(userinfo, /hunter2/)
  })
})

describe('parseConfig', () => {
  it('applies the same rules to an object, without positions', () => {
    assert.equal(parseConfig({ server: { port: 5 } }).server.port, 5)
    assert.throws(
      () => parseConfig({ sever: {} }),
      /^ConfigError: sever: unknown key, did you mean "server"\?$/,
    )
    assert.throws(() => parseConfig('text'), /must be a mapping/)
  })
})

describe('the JSON schema for editors', () => {
  const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

  it('matches the code: run `npm run schema`', async () => {
    assert.deepEqual(JSON.parse(await read('config/schema.json')), JSON.parse(JSON.stringify(editorSchema())))
  })

  it('accepts the shipped configurations and references, and rejects unknown keys', async () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(await read('config/schema.json')))
    for (const file of ['config/config.yaml', 'config/compose.yaml', 'config/container.yaml']) {
      assert.ok(validate(parse(await read(file))), `${file}: ${JSON.stringify(validate.errors)}`)
    }
    assert.ok(
      validate({ server: { port: '${PORT:-1}' }, proxy: { engine: '${ENGINE}', read_timeout: '${T}' } }),
    )
    assert.equal(validate({ server: { prot: 1 } }), false)
    assert.equal(validate({ proxy: { engine: 'x' } }), false)
  })
})
