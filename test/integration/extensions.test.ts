import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import gateway from '../../src/gateway.ts'
import {
  GatewayError,
  type GatewayEvent,
  type LimitStore,
  type ProfileDocument,
  parseConfig,
} from '../../src/index.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`hooks around requests, engine ${engine}`, () => {
    it('report the route, each attempt and its end, usage and the outcome', async (t) => {
      const broken = await withSimulator(t, { kind: 'vllm', name: 'broken', models: ['m'] })
      const good = await withSimulator(t, { kind: 'vllm', name: 'good', models: ['m'] })
      const told: string[] = []
      const { url } = await startGateway(
        t,
        [
          { url: broken.url, name: 'broken', type: 'vllm', priority: 200 },
          { url: good.url, name: 'good', type: 'vllm', priority: 100 },
        ],
        { proxy: engineOf(engine) },
        {
          gateway: {
            hooks: {
              onRoute: ({ model }, { candidates }) => told.push(`route ${model} ${candidates.length}`),
              onAttempt: (_request, { number, endpoint }) => {
                told.push(`attempt ${number} ${endpoint}`)
                return ['traceparent', `00-${number}`]
              },
              onAttemptEnd: (_request, { number }, { kind, statusCode, reason }) =>
                told.push(`end ${number} ${kind} ${statusCode} ${reason}`),
              onUsage: (_request, { completionTokens }) => told.push(`usage ${completionTokens}`),
              onResponse: ({ status }, outcome) => told.push(`response ${status} ${outcome}`),
            },
          },
        },
      )
      await broken.control.setFault({ kind: 'status', status: 503, path: '/v1/chat/completions' })
      const response = await postChat(url, { max_tokens: 3 })
      assert.equal(response.status, 200)
      await response.text()
      await eventually(() => told.some((line) => line.startsWith('response')))
      assert.deepEqual(told, [
        'route m 2',
        'attempt 1 broken',
        'end 1 failed 503 status 503',
        'attempt 2 good',
        'end 2 answered 200 undefined',
        'usage 3',
        'response 200 success',
      ])
      const [sent] = good.control.requests().filter(({ path }) => path.endsWith('/chat/completions'))
      assert.equal(sent?.header('traceparent'), '00-2')
    })

    it('report once an unserved request, and one with a client that has left', async (t) => {
      const slow = await withSimulator(t, {
        kind: 'vllm',
        name: 'slow',
        models: ['m'],
        timeToFirstTokenMs: 60_000,
      })
      const told: string[] = []
      const { url } = await startGateway(
        t,
        [{ url: slow.url, name: 'slow', type: 'vllm' }],
        { proxy: engineOf(engine) },
        {
          gateway: {
            hooks: {
              onAttemptEnd: (_request, _attempt, { kind }) => told.push(kind),
              onResponse: (_request, outcome) => told.push(outcome),
            },
          },
        },
      )

      const headers = { 'content-type': 'application/json', connection: 'close' }
      const refused = await postChat(url, { model: 'nobody-has-it' }, { headers })
      assert.equal(refused.status, 404)
      await refused.text()
      assert.deepEqual(told, ['rejection'])
      const abort = new AbortController()
      const asked = postChat(url, {}, { signal: abort.signal }).catch(() => undefined)
      await eventually(() => slow.control.counters().inFlight === 1)
      abort.abort()
      await asked
      await eventually(() => told.length === 3)
      assert.deepEqual(told.slice(1), ['abandoned', 'client_closed'])
    })
  })
}

describe('extensions by a host', () => {
  it('a caller’s name: limits apply to it, errors are 401 in the caller’s dialect', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
      server: { rate_limits: { per_ip_requests_per_minute: 1, burst_size: 1 } },
    })
    const names: (string | undefined)[] = []
    const app = Fastify()
    t.after(() => app.close())
    await app.register(gateway, {
      config,
      identify: async ({ headers }) => {
        if (headers.authorization === 'Bearer blocked') throw new GatewayError('forbidden')
        if (headers.authorization === undefined) throw new Error('the key store says: no secret-host here')
        return headers.authorization.slice('Bearer '.length)
      },
      hooks: { onResponse: ({ caller }) => names.push(caller) },
    })
    const ask = (authorization?: string, url = '/v1/messages') =>
      app.inject({
        method: 'POST',
        url,
        headers: authorization === undefined ? {} : { authorization },
        payload: { model: 'nobody-has-it', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] },
      })
    assert.equal((await ask('Bearer alice')).statusCode === 429, false)
    assert.equal((await ask('Bearer alice')).statusCode, 429)
    assert.equal((await ask('Bearer bob')).statusCode === 429, false, 'another caller of the same address')
    assert.equal((await ask('Bearer blocked')).statusCode, 403)
    const unknown = await ask()
    assert.equal(unknown.statusCode, 401)
    assert.equal(unknown.json().error.type, 'authentication_error')
    assert.ok(!unknown.body.includes('secret-host'))
    assert.deepEqual(names, ['alice', 'bob'])
  })

  it('its own selector, which the status routes name', async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const two = await withSimulator(t, { kind: 'vllm', name: 'two', models: ['m'] })
    const { url } = await startGateway(
      t,
      [
        { url: one.url, name: 'one', type: 'vllm' },
        { url: two.url, name: 'two', type: 'vllm' },
      ],
      {},
      {
        gateway: {
          selector: (load) => ({
            strategy: 'last-by-name',
            select: (candidates, excluded) =>
              candidates
                .filter((each) => load.admits(each) && excluded?.has(each.endpoint.slot) !== true)
                .sort((a, b) => b.endpoint.name.localeCompare(a.endpoint.name))[0],
          }),
        },
      },
    )
    for (let request = 0; request < 3; request++)
      assert.equal((await postChat(url)).headers.get('x-olla-endpoint'), 'two')
    await two.control.setFault({ kind: 'status', status: 503, path: '/v1/chat/completions' })
    assert.equal((await postChat(url)).headers.get('x-olla-endpoint'), 'one', 'failover asks it again')
    const status = (await (await fetch(`${url}/internal/status`)).json()) as {
      proxy: { load_balancer?: string; balancer?: string }
    }
    assert.match(JSON.stringify(status.proxy), /last-by-name/)
  })

  it('its own selector that throws or chooses tried endpoints breaks no request', async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const two = await withSimulator(t, { kind: 'vllm', name: 'two', models: ['m'] })
    let fails = false
    const { url } = await startGateway(
      t,
      [
        { url: one.url, name: 'one', type: 'vllm' },
        { url: two.url, name: 'two', type: 'vllm' },
      ],
      {},
      {
        gateway: {
          selector: () => ({
            strategy: 'own',
            select(candidates) {
              if (fails) throw new Error('mine')
              return candidates.find(({ endpoint }) => endpoint.name === 'two')
            },
          }),
        },
      },
    )
    await two.control.setFault({ kind: 'status', status: 503, path: '/v1/chat/completions' })
    // More than it takes to open the circuit.
    for (let request = 0; request < 12; request++)
      assert.equal((await postChat(url)).headers.get('x-olla-endpoint'), 'one')
    fails = true
    assert.equal((await postChat(url)).headers.get('x-olla-endpoint'), 'one')
  })

  it('a subscriber to all events', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const events: GatewayEvent[] = []
    await startGateway(
      t,
      [{ url: simulator.url, name: 'one', type: 'vllm' }],
      {},
      { gateway: { onEvent: (event) => events.push(event) } },
    )
    const status = events.find((event) => event.type === 'endpoint.status')
    assert.equal(status?.data.to, 'healthy')
    assert.ok(events.some(({ type }) => type === 'discovery.completed'))
  })

  it('its own backend profile', async (t) => {
    const simulator = await withSimulator(t, { kind: 'openai-compatible', name: 'one', models: ['m'] })
    const profile: ProfileDocument = {
      name: 'house-server',
      routing: { prefixes: ['house'] },
      api: { openai_compatible: true, model_discovery_path: '/v1/models', health_check_path: '/v1/models' },
    }
    const { url } = await startGateway(
      t,
      [{ url: simulator.url, name: 'one', type: 'house-server' }],
      {},
      { gateway: { profiles: [profile] } },
    )
    const response = await fetch(`${url}/olla/house/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"m","messages":[{"role":"user","content":"hi"}]}',
    })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-olla-backend-type'), 'house-server')
  })

  it('its own limit store', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const asked: string[] = []
    const limits: LimitStore = {
      take(key, { burst }) {
        asked.push(key)
        return { allowed: asked.length <= 2, remaining: burst, retryAfterMs: 5_000, fullInMs: 5_000 }
      },
      giveBack: () => {},
      clean: () => {},
    }
    const app = Fastify()
    t.after(() => app.close())
    await app.register(gateway, {
      config: parseConfig({
        discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
        server: { rate_limits: { global_requests_per_minute: 0 } },
      }),
      stores: { limits },
    })
    const statuses: number[] = []
    for (let request = 0; request < 3; request++)
      statuses.push(
        (await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: {} })).statusCode,
      )
    assert.equal(statuses[2], 429)
    assert.notEqual(statuses[1], 429)
    assert.equal(asked[0], 'client 127.0.0.1')
  })

  it('stores that fail break no request', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const fail = () => {
      throw new Error('mine')
    }
    const { url } = await startGateway(
      t,
      [{ url: simulator.url, type: 'vllm' }],
      {
        proxy: { sticky_sessions: { enabled: true } },
        server: { rate_limits: { per_ip_requests_per_minute: 1 } },
      },
      {
        gateway: {
          stores: {
            limits: { take: fail, giveBack: fail, clean: fail },
            sessions: {
              ...{ capacity: 1, idleTtlMs: 0, size: 0, insertions: 0, evictions: 0 },
              ...{ get: fail, set: fail, delete: fail, purge: fail, count: fail },
            },
          },
        },
      },
    )
    for (let request = 0; request < 3; request++) assert.equal((await postChat(url)).status, 200)
  })
})
