import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { limitCells } from '../../src/admin/security/limit-cells.ts'
import { createKey } from '../../src/callers/keys/key-text.ts'
import gateway, { type GatewayOptions, parseConfig } from '../../src/index.ts'
import callersAlone from '../../src/public/callers.ts'
import { bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'

const section = (keys: readonly unknown[], rest: Record<string, unknown> = {}) => ({
  callers: { secret: callersSecret, keys, ...rest },
  discovery: { static: { endpoints: [] } },
})

function appOf(t: TestContext, options: GatewayOptions, prefix = ''): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  void app.register(gateway, { ...options, prefix })
  return app
}

describe('keys in a host application', () => {
  it('are not needed by callers that the host names', async (t) => {
    const { key, entry } = configuredKey('ci')
    const seen: (string | undefined)[] = []
    const app = appOf(t, {
      config: parseConfig(section([entry])),
      identify: ({ headers }) => (typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined),
      hooks: { onResponse: ({ identity }) => void seen.push(identity?.owner) },
    })
    const ask = async (headers: Record<string, string>) =>
      (await app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload: { model: 'm' } }))
        .statusCode
    const [named, unnamed, withKey] = [
      await ask({ 'x-user': 'alice' }),
      await ask({}),
      await ask(bearer(key)),
    ]
    assert.deepEqual([named === 401, unnamed, withKey === 401], [false, 401, false])
    assert.deepEqual(seen, ['alice', undefined])
  })

  it('match routes below the prefix of the gateway', async (t) => {
    const { key, entry } = configuredKey('ci', { policy: { routes: ['/v1/models'] } })
    const app = appOf(t, { config: parseConfig(section([entry])) }, '/llm')
    const status = async (url: string) => (await app.inject({ url, headers: bearer(key) })).statusCode
    assert.deepEqual(
      [
        await status('/llm/v1/models'),
        await status('/llm/olla/models'),
        await status('/llm/v1/models/../../olla/models'),
      ],
      [200, 403, 403],
    )
  })

  it('that are wrong grow nothing, however many come', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    const { callers } = parseConfig(section([configuredKey('ci').entry], { wrong_keys_per_minute: 1 }))
    await app.register(callersAlone, { callers })
    app.get('/', () => 'ok')
    const statuses = new Map<number, number>()
    for (let count = 0; count < 2_000; count++) {
      const { statusCode } = await app.inject({ url: '/', headers: bearer(createKey()) })
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
    }
    // One at first, and one for each minute that this takes.
    assert.ok((statuses.get(401) ?? 0) <= 3, JSON.stringify([...statuses]))
    assert.ok((statuses.get(429) ?? 0) >= 1_997)
    assert.equal(app.gatewayState.of(limitCells).store.size, 1, 'one bucket for the address')
  })

  it('protect the routes of an app alone, with their admin routes', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(async (scope) => {
      await scope.register(callersAlone, { callers: { store: await storeFile() }, admin: true })
      scope.get('/hello', ({ gateway: { identity } }) => identity?.keyName)
    })
    app.get('/free', () => 'free')
    const marker = { host: 'localhost', 'x-olla-gateway': '1' }
    const created = await app.inject({
      method: 'POST',
      url: '/internal/admin/keys',
      headers: marker,
      payload: { name: 'ci' },
    })
    const { key } = created.json<{ key: string }>()
    assert.equal((await app.inject({ url: '/hello', headers: bearer(key) })).body, 'ci')
    assert.equal((await app.inject('/hello')).statusCode, 401)
    assert.equal((await app.inject('/free')).body, 'free')
    await app.inject({ method: 'DELETE', url: '/internal/admin/keys/ci', headers: marker })
    assert.equal((await app.inject({ url: '/hello', headers: bearer(key) })).statusCode, 401)
  })
})
