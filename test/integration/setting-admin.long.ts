/** Aliases, the log level and limits that operators change while requests run. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Static } from '@sinclair/typebox'
import type {
  AliasesSchema,
  LimitSettingsSchema,
  LogLevelSchema,
  SettingChangeSchema,
} from '../../src/observe/views/settings.ts'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { jsonOf } from '../support/json-answer.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

type Sections = Record<string, Record<string, unknown>>

interface Answer<Body> {
  readonly status: number
  readonly etag: string | null
  readonly body: Body
}

/** A change that was made has the fields of its schema, one that was refused an error. */
interface ChangeBody extends Partial<Static<typeof SettingChangeSchema>> {
  readonly error?: { readonly message: string }
}

/** What the routes show. */
interface Shown {
  readonly aliases: Static<typeof AliasesSchema>
  readonly 'log-level': Static<typeof LogLevelSchema>
  readonly limits: Static<typeof LimitSettingsSchema> & { readonly subjects?: readonly unknown[] }
  readonly 'endpoints/box': { readonly settings: Readonly<Record<string, unknown>> }
}

const admin = '/internal/admin'

function show<Path extends keyof Shown>(gateway: RunningGateway, path: Path): Promise<Answer<Shown[Path]>> {
  return call<Shown[Path]>(gateway, 'GET', path)
}

async function call<Body = ChangeBody>(
  gateway: RunningGateway,
  method: string,
  path: string,
  body?: unknown,
  headers = {},
): Promise<Answer<Body>> {
  const response = await fetch(`${gateway.url}${admin}/${path}`, {
    method,
    headers: {
      'x-olla-gateway': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, etag: response.headers.get('etag'), body: await jsonOf<Body>(response) }
}

async function setUp(t: TestContext, sections: Sections = {}, threads = 1) {
  const simulator = await withSimulator(t, { kind: 'vllm', name: 'box', models: ['m', 'n'] })
  const entry = { url: simulator.url, name: 'box', type: 'vllm' }
  const gateway = await startGateway(t, [entry], sections, { threads })
  const ask = async (model: string, headers = {}) => {
    const response = await postChat(
      gateway.url,
      { model },
      { headers: { 'content-type': 'application/json', connection: 'close', ...headers } },
    )
    await response.arrayBuffer()
    return response.status
  }
  return { gateway, entry, ask, simulator }
}

/** @returns what the stream of events has sent so far */
async function eventStream(t: TestContext, { url }: RunningGateway): Promise<() => string> {
  const controller = new AbortController()
  t.after(() => controller.abort())
  const response = await fetch(`${url}/internal/events`, { signal: controller.signal })
  let text = ''
  void (async () => {
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += part
  })().catch(() => {})
  await eventually(() => text !== '')
  return () => text
}

function stateFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'setting-admin-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'state.json')
}

const configured = { model_aliases: { nick: ['m'] } }
const limited = (perMinute: number) => ({
  server: {
    rate_limits: {
      per_ip_requests_per_minute: perMinute,
      burst_size: 1,
      global_requests_per_minute: 0,
      health_requests_per_minute: 0,
    },
  },
})

describe('/internal/admin/aliases', () => {
  it('adds, replaces, removes and resets aliases on all threads', async (t) => {
    const { gateway, ask } = await setUp(t, configured, 2)
    const added = await call(gateway, 'POST', 'aliases', { name: 'fast', targets: ['n'] })
    assert.deepEqual([added.status, added.body.outcome, added.etag], [201, 'applied', '"v2"'])
    assert.deepEqual(
      added.body.changes?.map(({ key }) => key),
      ['model_aliases.fast'],
    )
    for (let round = 0; round < 6; round++) assert.equal(await ask('fast'), 200)
    assert.equal((await call(gateway, 'POST', 'aliases', { name: 'FAST', targets: ['n'] })).status, 409)
    assert.equal((await call(gateway, 'PUT', 'aliases/nick', ['gone'])).status, 200)
    for (let round = 0; round < 6; round++) assert.equal(await ask('nick'), 404)
    const list = await show(gateway, 'aliases')
    assert.deepEqual(list.body.aliases, [
      { name: 'nick', source: 'set', value: ['gone'] },
      { name: 'fast', source: 'set', value: { targets: ['n'] } },
    ])
    assert.equal((await call(gateway, 'DELETE', 'aliases/nick')).status, 200)
    assert.deepEqual((await show(gateway, 'aliases')).body.removed, ['nick'])
    assert.equal((await call(gateway, 'GET', 'aliases/nick')).status, 404)
    assert.equal((await call(gateway, 'DELETE', 'aliases/nick')).status, 404)
    assert.equal((await call(gateway, 'POST', 'aliases/nick/reset')).status, 200)
    assert.equal((await call(gateway, 'POST', 'aliases/nick/reset')).status, 404)
    for (let round = 0; round < 6; round++) assert.equal(await ask('nick'), 200)
    assert.equal((await call(gateway, 'DELETE', 'aliases/fast')).status, 200)
    assert.equal(await ask('fast'), 404)
  })

  it('stay on top of a reload, and are those of the file after a reset', async (t) => {
    const { gateway, entry, ask } = await setUp(t, configured)
    await call(gateway, 'PUT', 'aliases/nick', { targets: [{ model: 'n', weight: 2 }] })
    await gateway.reload([entry], { model_aliases: { nick: ['gone'], other: ['m'] } })
    assert.deepEqual([await ask('nick'), await ask('other')], [200, 200])
    await call(gateway, 'POST', 'aliases/nick/reset')
    assert.equal(await ask('nick'), 404)
  })

  for (const [name, body, message] of [
    ['no list', 'text', /model_aliases\.x/],
    ['an empty list', [], /model_aliases\.x/],
    ['an unknown key', { targets: ['m'], wieght: 1 }, /wieght/],
    ['an empty name of a model', [''], /model_aliases\.x/],
  ] as const) {
    it(`refuses ${name}, and says why`, async (t) => {
      const { gateway } = await setUp(t)
      const { status, body: answer } = await call(gateway, 'PUT', 'aliases/x', body)
      assert.equal(status, 400, JSON.stringify(answer))
      assert.match(answer.error?.message ?? '', message)
      assert.deepEqual((await show(gateway, 'aliases')).body.aliases, [])
    })
  }
})

describe('/internal/admin/log-level', () => {
  it('changes what is logged on all threads, until it is reset', async (t) => {
    const { gateway, ask } = await setUp(t, { logging: { level: 'info' } }, 2)
    const requests = () => gateway.lines?.filter((line) => line.includes('"msg":"request"')).length ?? 0
    assert.deepEqual((await show(gateway, 'log-level')).body, {
      config_version: 1,
      level: 'info',
      source: 'configured',
      configured: 'info',
    })
    assert.equal((await call(gateway, 'PUT', 'log-level', { level: 'error' })).status, 200)
    await gateway.link?.requestAll('test.settle', undefined, 10_000)
    const before = requests()
    for (let round = 0; round < 6; round++) await ask('m')
    const shown = (await show(gateway, 'log-level')).body
    assert.deepEqual([shown.level, shown.source, shown.configured], ['error', 'set', 'info'])
    assert.equal((await call(gateway, 'DELETE', 'log-level')).status, 200)
    await ask('m')
    await eventually(() => requests() > before)
    assert.ok(requests() <= before + 4, 'the lines of six requests are missing')
    const wrong = await call(gateway, 'PUT', 'log-level', { level: 'loud' })
    assert.equal(wrong.status, 400)
    assert.match(wrong.body.error?.message ?? '', /level/)
  })

  it('is up to the application that embeds the gateway', async (t) => {
    const { gateway } = await setUp(t)
    assert.equal((await call(gateway, 'PUT', 'log-level', { level: 'debug' })).status, 409)
  })
})

describe('/internal/admin/limits', () => {
  it('changes rate limits on all threads, until they are reset', async (t) => {
    const { gateway, ask } = await setUp(t, limited(60_000), 2)
    const patch = { rate_limits: { per_ip_requests_per_minute: 1 } }
    assert.equal((await call(gateway, 'PATCH', 'limits', patch)).status, 200)
    const statuses = [await ask('m'), await ask('m'), await ask('m')]
    assert.deepEqual(statuses.slice(1), [429, 429])
    const shown = (await show(gateway, 'limits')).body
    assert.equal(shown.settings.rate_limits.per_ip_requests_per_minute, 1)
    assert.equal(shown.settings.queue.max_wait, '30s')
    assert.deepEqual(shown.changed, ['rate_limits.per_ip_requests_per_minute'])
    assert.equal((await call(gateway, 'DELETE', 'limits')).status, 200)
    assert.deepEqual((await show(gateway, 'limits')).body.changed, [])
    await eventually(async () => (await ask('m')) === 200)
  })

  it('changes the queue, key by key', async (t) => {
    const { gateway } = await setUp(t)
    await call(gateway, 'PATCH', 'limits', { queue: { max_waiting: 5, max_wait: '10s' } })
    await call(gateway, 'PATCH', 'limits', { queue: { max_waiting: null } })
    const shown = (await show(gateway, 'limits')).body
    assert.deepEqual(shown.settings.queue, { max_waiting: 1000, max_wait: '10s' })
    assert.deepEqual(shown.changed, ['queue.max_wait'])
  })

  for (const [name, body, message] of [
    ['a key that needs a restart', { rate_limits: { ipv6_prefix: 48 } }, /rate_limits\.ipv6_prefix: cannot/],
    ['an unknown group', { limits: {} }, /^limits: unknown/],
    ['a wrong value', { queue: { max_wait: 5 } }, /^queue\.max_wait: /],
    ['a number below the minimum', { rate_limits: { burst_size: 0 } }, /^rate_limits\.burst_size: /],
    ['a group that is no object', { queue: 5 }, /^queue: must hold keys/],
  ] as const) {
    it(`refuses ${name}, and says why`, async (t) => {
      const { gateway } = await setUp(t, limited(60_000))
      const { status, body: answer } = await call(gateway, 'PATCH', 'limits', body)
      assert.equal(status, 400, JSON.stringify(answer))
      assert.match(answer.error?.message ?? '', message)
    })
  }

  it('says that limits which were off at the start need a restart', async (t) => {
    const { gateway } = await setUp(t)
    const patch = { rate_limits: { per_ip_requests_per_minute: 10 } }
    const { status, body } = await call(gateway, 'PATCH', 'limits', patch)
    assert.equal(status, 409)
    assert.match(
      body.error?.message ?? '',
      /server\.rate_limits\.per_ip_requests_per_minute: needs a restart/,
    )
    assert.deepEqual((await show(gateway, 'limits')).body.changed, [])
  })

  it('are beside those of callers, if there are any', async (t) => {
    const { entry } = configuredKey('one')
    const { gateway } = await setUp(t, { callers: { secret: callersSecret, keys: [entry] } })
    await call(gateway, 'PATCH', 'limits', { queue: { max_waiting: 5 } })
    const { body, etag } = await show(gateway, 'limits')
    assert.equal(etag, '"v2"')
    assert.deepEqual(body.subjects, [])
    assert.equal(body.settings.queue.max_waiting, 5)
  })
})

describe('a change of a setting', () => {
  const routes = [
    ['PUT', 'aliases/x', ['m'], 'model_aliases.x'],
    ['PATCH', 'limits', { queue: { max_waiting: 7 } }, 'proxy.queue.max_waiting'],
    ['PUT', 'log-level', { level: 'warn' }, 'logging.level'],
  ] as const

  for (const [method, path, body, key] of routes) {
    it(`of ${path} can be tried, depends on If-Match, needs a marker and is published with who asked`, async (t) => {
      const { gateway } = await setUp(t, {}, 2)
      const keys = ({ changes }: ChangeBody) => changes?.map((each) => each.key)
      const dry = await call(gateway, method, `${path}?dry_run=true`, body)
      assert.deepEqual([dry.status, keys(dry.body), dry.body.config_version], [200, [key], 1])
      assert.equal((await call(gateway, method, path, body, { 'if-match': '"v9"' })).status, 412)
      const bare = await fetch(`${gateway.url}${admin}/${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      assert.equal(bare.status, 403)
      const events = await eventStream(t, gateway)
      const done = await call(gateway, method, path, body, { 'if-match': '"v1"' })
      assert.deepEqual([done.status, keys(done.body), done.etag], [200, [key], '"v2"'])
      const changed = () => /^data: (.*"type":"config\.changed".*)$/m.exec(events())?.[1]
      await eventually(() => changed() !== undefined)
      const { by, keys: named } = JSON.parse(changed() ?? '{}').data
      assert.deepEqual([by, named], ['127.0.0.1', [key]])
    })
  }

  it('is kept in the state file over a restart, and endpoints beside it', async (t) => {
    const file = stateFile(t)
    const sections = { ...limited(60_000), server: { ...limited(60_000).server, state_file: file } }
    const { gateway, entry } = await setUp(t, sections)
    await Promise.all([
      call(gateway, 'PUT', 'aliases/x', ['m']),
      call(gateway, 'PATCH', 'limits', { rate_limits: { burst_size: 7 } }),
      call(gateway, 'PATCH', 'endpoints/box', { weight: 3 }),
    ])
    await gateway.close()
    const next = await startGateway(t, [entry], sections)
    await eventually(async () => (await call(next, 'GET', 'aliases/x')).status === 200)
    assert.equal((await show(next, 'limits')).body.settings.rate_limits.burst_size, 7)
    assert.equal((await show(next, 'endpoints/box')).body.settings.weight, 3)
    const kept = JSON.parse(readFileSync(file, 'utf8'))
    assert.deepEqual(kept.settings.aliases, { x: ['m'] })
  })
})
