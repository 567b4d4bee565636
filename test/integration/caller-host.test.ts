import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { limitCells } from '../../src/admin/security/limit-cells.ts'
import { createKey } from '../../src/callers/keys/key-text.ts'
import gateway, { type GatewayOptions, parseConfig } from '../../src/index.ts'
import callersAlone from '../../src/public/callers.ts'
import { bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

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

  it('keep limits on the routes of an app alone', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    const minute = configuredKey('minute', { limits: { requests_per_minute: 3 } })
    const slots = configuredKey('slots', { limits: { max_concurrent: 2 } })
    const { callers } = parseConfig(section([minute.entry, slots.entry]))
    await app.register(callersAlone, { callers })
    const held: (() => void)[] = []
    app.get('/now', () => 'ok')
    app.get('/held', () => new Promise<string>((resolve) => held.push(() => resolve('ok'))))
    const ask = (url: string, key: string) => app.inject({ url, headers: bearer(key) })
    for (const remaining of ['2', '1', '0']) {
      const answer = await ask('/now', minute.key)
      assert.deepEqual(
        [answer.statusCode, answer.headers['x-ratelimit-remaining-requests']],
        [200, remaining],
      )
    }
    const refused = await ask('/now', minute.key)
    assert.deepEqual(
      [refused.statusCode, refused.json<{ error: { code: string } }>().error.code],
      [429, 'rate_limit_exceeded'],
    )
    for (let round = 0; round < 3; round++) {
      const waiting = [ask('/held', slots.key), ask('/held', slots.key)]
      await eventually(() => held.length === 2)
      assert.equal((await ask('/now', slots.key)).statusCode, 429)
      for (const answer of held.splice(0)) answer()
      assert.deepEqual(
        (await Promise.all(waiting)).map(({ statusCode }) => statusCode),
        [200, 200],
      )
    }
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    const leaving = new AbortController()
    const left = fetch(`${address}/held`, {
      headers: bearer(slots.key),
      signal: leaving.signal,
    })
    await eventually(() => held.length === 1)
    leaving.abort()
    await assert.rejects(left)
    const again = ask('/held', slots.key)
    await eventually(() => held.length === 2)
    await eventually(async () => (await ask('/now', slots.key)).statusCode === 200)
    for (const answer of held) answer()
    assert.equal((await again).statusCode, 200)
  })

  for (const engine of engines)
    it(`keep the limits of a gateway in an app: ${engine}`, async (t) => {
      const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 }
      const endpoint = await startScriptedEndpoint(t, ['m'], () => ({
        body: { id: 'x', choices: [], usage },
      }))
      const { key, entry } = configuredKey('ci', {
        limits: { budgets: [{ amount: 1_000, unit: 'tokens', period: 'ever' }] },
      })
      const app = appOf(t, {
        config: parseConfig({
          ...section([entry], { owners: [{ name: 'alice', limits: { requests_per_minute: 1 } }] }),
          proxy: engineOf(engine),
          discovery: { static: { endpoints: [{ url: endpoint.url, name: 'one', type: 'openai' }] } },
        }),
        identify: ({ headers }) => (typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined),
      })
      const address = await app.listen({ host: '127.0.0.1', port: 0 })
      const ask = async (headers: Record<string, string>, maxTokens: number) => {
        const body = JSON.stringify({ model: 'm', max_tokens: maxTokens, messages: [] })
        const url = `${address}/v1/chat/completions`
        const response = await fetch(url, { method: 'POST', headers, body })
        await response.text()
        return response.status
      }
      await eventually(async () => (await ask({ ...bearer(key) }, 900)) === 200)
      for (let count = 0; count < 8; count++) assert.equal(await ask(bearer(key), 800), 200)
      assert.equal(await ask(bearer(key), 995), 429)
      assert.deepEqual([await ask({ 'x-user': 'alice' }, 1), await ask({ 'x-user': 'alice' }, 1)], [200, 429])
    })
})
