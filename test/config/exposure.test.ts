import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { printConfig } from '../../src/config/print.ts'
import { folder, knownTypes, load, problems, warningsOf } from './support.ts'

describe('a configuration that admits other machines', () => {
  const rows: readonly (readonly [text: string, warning: RegExp | undefined])[] = [
    ['server: { host: localhost }\n', undefined],
    ['server: { host: 127.0.0.9 }\n', undefined],
    ['server: { host: "::1" }\n', undefined],
    ['server: { host: 0.0.0.0 }\n', /config\.yaml:1:11 server\.host: other machines can reach/],
    ['server: { host: "::" }\n', /server\.host: other machines can reach/],
    ['server: { host: 192.0.2.1 }\n', /server\.host: other machines can reach/],
    ['server: { host: gpu }\n', /server\.host: other machines can reach/],
    ['server: { host: 0.0.0.0 }\ndashboard: { gate_internal_api: true }\n', undefined],
    [
      'server: { rate_limits: { trust_proxy_headers: true } }\n',
      /rate_limits\.trust_proxy_headers: .*list your proxies in trusted_proxy_cidrs/,
    ],
    [
      'server: { rate_limits: { trust_proxy_headers: true, trusted_proxy_cidrs: [127.0.0.1/32] } }\n',
      undefined,
    ],
    ['server: { rate_limits: { trust_proxy_headers: false } }\n', undefined],
  ]
  for (const [text, warning] of rows) {
    it(`${warning === undefined ? 'causes no' : 'causes a'} warning: ${text.trim()}`, async () => {
      const told = warningsOf(await load(text))
      if (warning === undefined) assert.doesNotMatch(told, /other machines|list your proxies/)
      else assert.match(told, warning)
    })
  }

  it('causes a warning if variables admit them, too', async () => {
    assert.match(
      warningsOf(await load('', { OLLA_SERVER_HOST: '0.0.0.0' })),
      /OLLA_SERVER_HOST: other machines/,
    )
    const trusting = { OLLA_SERVER_TRUST_PROXY_HEADERS: 'true' }
    assert.match(warningsOf(await load('', trusting)), /OLLA_SERVER_TRUST_PROXY_HEADERS: .*list your proxies/)
    const listed = { ...trusting, OLLA_SERVER_TRUSTED_PROXY_CIDRS: '127.0.0.1/32' }
    assert.doesNotMatch(warningsOf(await load('', listed)), /list your proxies/)
  })
})

describe('models that would expire between two discoveries', () => {
  const rows: readonly (readonly [stale: string, interval: string, isWarned: boolean])[] = [
    ['1m', '5m', true],
    ['5m', '5m', true],
    ['6m', '5m', false],
    ['0', '5m', false],
    ['24h', '5m', false],
  ]
  for (const [stale, interval, isWarned] of rows) {
    it(`cause ${isWarned ? 'a' : 'no'} warning: ${stale} with discovery every ${interval}`, async () => {
      const registry = `model_registry: { unification: { stale_threshold: ${stale} } }\n`
      const told = warningsOf(
        await load(`${registry}discovery: { model_discovery: { interval: ${interval} } }\n`),
      )
      assert.equal(/stale_threshold: models expire between/.test(told), isWarned)
    })
  }
})

describe('a watchdog', () => {
  for (const [limit, isRefused] of [
    ['0', false],
    ['10ms', true],
    ['999ms', true],
    ['1s', false],
  ] as const) {
    it(`${isRefused ? 'cannot' : 'can'} have ${limit}`, async () => {
      const text = `server: { watchdog_timeout: ${limit} }\n`
      if (isRefused) assert.match(await problems(text), /watchdog_timeout: must be 0 or at least 1s/)
      else await load(text)
    })
  }
})

describe('files with secrets', { skip: process.platform === 'win32' ? 'no modes on Windows' : false }, () => {
  const auth = (rest: string) =>
    `discovery: { static: { endpoints: [ { url: "http://h:1", name: a, auth: { type: bearer, ${rest} } } ] } }\n`
  const rows: readonly (readonly [
    name: string,
    text: string,
    file: number,
    secret: number,
    warning: RegExp | undefined,
  ])[] = [
    [
      'inline',
      auth('token: s3cret'),
      0o644,
      0o600,
      /config\.yaml: this file holds secrets, .* \(mode 0644\): chmod 600/,
    ],
    ['inline, for others only', auth('token: s3cret'), 0o604, 0o600, /mode 0604/],
    ['inline, private', auth('token: s3cret'), 0o600, 0o600, undefined],
    ['from a variable', auth('token: "${TOKEN}"'), 0o644, 0o600, undefined],
    [
      'in a file',
      auth('token_file: secret'),
      0o644,
      0o644,
      /endpoints\[0\]\.auth\.token_file: the file can be read .*mode 0644/,
    ],
    ['in a private file', auth('token_file: secret'), 0o644, 0o400, undefined],
    [
      'the admin token',
      'dashboard: { admin_token: 0123456789abcdef0123456789abcdef }\n',
      0o644,
      0o600,
      /this file holds secrets/,
    ],
    [
      'the admin token in a file',
      'dashboard: { admin_token_file: secret }\n',
      0o644,
      0o644,
      /dashboard\.admin_token_file: the file/,
    ],
    ['none', 'server: { port: 1 }\n', 0o644, 0o644, undefined],
  ]
  for (const [name, text, file, secret, warning] of rows) {
    it(`${warning === undefined ? 'cause no warning' : 'cause a warning if others can read them'}: ${name}`, async () => {
      const cwd = await folder({ 'config.yaml': text })
      await writeFile(join(cwd, 'secret'), '0123456789abcdef0123456789abcdef\n')
      await chmod(join(cwd, 'config.yaml'), file)
      await chmod(join(cwd, 'secret'), secret)
      const told = warningsOf(loadConfig({ env: { TOKEN: 's3cret' }, cwd, knownTypes }))
      if (warning === undefined) assert.doesNotMatch(told, /can be read by other users/)
      else assert.match(told, warning)
      assert.doesNotMatch(told, /s3cret|0123456789abcdef/)
    })
  }
})

describe('credentials in the URLs of an endpoint', () => {
  const forms = [
    'http://u:PASS@h/x',
    'HTTP://u:PASS@h',
    ' http://u:PASS@h',
    '\thttp://u:PASS@h',
    'http:/u:PASS@h/x',
  ]
  const more = [
    'http:\\\\u:PASS@h',
    'https:u:PASS@h',
    'http:///u:PASS@h/',
    '//u:PASS@h/x',
    '\\\\u:PASS@h',
    'u:PASS@h/x',
    'u@h',
  ]
  for (const key of ['url', 'health_check_url', 'model_url']) {
    for (const value of [...forms, ...more]) {
      it(`are rejected in ${key}, and not repeated: ${JSON.stringify(value)}`, () => {
        const endpoint = { url: 'http://h:1', type: 'vllm', [key]: value }
        assert.throws(
          () => parseConfig({ discovery: { static: { endpoints: [endpoint] } } }),
          (error: Error) => error.message.includes(`endpoints[0].${key}`) && !error.message.includes('PASS'),
        )
      })
    }
  }

  it('do not affect paths, and queries are never shown', () => {
    for (const value of [
      '/health?key=HIDDEN',
      'health?key=HIDDEN',
      'http://h:2/m?key=HIDDEN',
      '/a@b?key=HIDDEN',
    ]) {
      const endpoint = { url: 'http://h:1', type: 'vllm', health_check_url: value, model_url: value }
      const config = parseConfig({ discovery: { static: { endpoints: [endpoint] } } })
      assert.equal(config.discovery.static.endpoints[0]?.health_check_url, value)
      assert.doesNotMatch(printConfig(config), /HIDDEN/)
    }
  })
})
