import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import { strategyNames } from '../../src/config/schema/strategy-names.ts'
import gateway from '../../src/gateway.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Explained {
  readonly chosen: string | null
  readonly decision: string
  readonly reason: string
  readonly balancer: string
  readonly would_refresh: boolean
  readonly session: Record<string, unknown> | null
  readonly endpoints: readonly { endpoint: string; chosen: boolean; reason: string }[]
}

async function ask(
  gatewayUrl: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Explained> {
  const response = await fetch(`${gatewayUrl}/internal/explain`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  assert.equal(response.status, 200)
  return (await response.json()) as Explained
}

const reasonOf = ({ endpoints }: Explained, name: string) =>
  endpoints.find(({ endpoint }) => endpoint === name)?.reason

async function setUp(
  t: TestContext,
  sections: Record<string, Record<string, unknown>> = {},
): Promise<RunningGateway> {
  const upstreams = await Promise.all(
    [0, 1, 2].map(() => startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))),
  )
  return startGateway(
    t,
    upstreams.map(({ url }, at) => ({ url, weight: at + 1 })),
    sections,
  )
}

const chat = (...texts: string[]) => ({
  model: 'm',
  messages: texts.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
})

describe('an explanation', () => {
  for (const strategy of strategyNames) {
    it(`predicts the next request's endpoint without advancing the rotation (${strategy})`, async (t) => {
      const gateway = await setUp(t, { proxy: { load_balancer: strategy } })
      for (let request = 0; request < 9; request++) {
        const looks = [await ask(gateway.url, chat('hello')), await ask(gateway.url, chat('hello'))]
        const response = await postChat(gateway.url)
        await response.text()
        for (const { chosen, balancer, session } of looks) {
          assert.equal(chosen, response.headers.get('x-olla-endpoint'), `request ${request}`)
          assert.deepEqual([balancer, session], [strategy, null])
        }
      }
    })
  }

  it('predicts the next target of a weighted alias without advancing it', async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['a'] })
    const two = await withSimulator(t, { kind: 'vllm', name: 'two', models: ['b'] })
    const gateway = await startGateway(
      t,
      [one, two].map(({ name, url }) => ({ name, url, type: 'vllm' })),
      {
        model_aliases: {
          mixed: {
            targets: [
              { model: 'a', weight: 2 },
              { model: 'b', weight: 1 },
            ],
          },
        },
      },
    )
    for (let request = 0; request < 6; request++) {
      const looks = [await ask(gateway.url, { model: 'mixed' }), await ask(gateway.url, { model: 'mixed' })]
      const response = await postChat(gateway.url, { model: 'mixed', max_tokens: 1 })
      await response.text()
      for (const { chosen } of looks) assert.equal(chosen, response.headers.get('x-olla-endpoint'))
    }
  })

  it('follows a session by the bytes of the body and by headers, and changes nothing', async (t) => {
    const gateway = await setUp(t, { proxy: { sticky_sessions: { enabled: true } } })
    const stats = async () => (await fetch(`${gateway.url}/internal/stats/sticky`)).json()
    const fresh = await ask(gateway.url, chat('one'))
    assert.deepEqual(fresh.session, {
      outcome: 'miss',
      reason: 'new_session',
      key_source: 'prefix_hash',
      depth: '0/1',
      bound_to: null,
      load: null,
      load_limit: null,
      preferred: null,
    })
    const response = await postChat(gateway.url, chat('one'))
    await response.text()
    const home = response.headers.get('x-olla-endpoint')
    const before = await stats()
    // Spaced otherwise, and within an envelope.
    const grown = JSON.stringify(chat('one', 'answer', 'two'), undefined, 2)
    for (const body of [grown, `{"path":"/olla/openai/v1/chat/completions","headers":{},"body":${grown}}`]) {
      const { chosen, session, endpoints } = await ask(gateway.url, body)
      assert.deepEqual(session, {
        outcome: 'hit',
        reason: 'bound',
        key_source: 'prefix_hash',
        depth: '1/3',
        bound_to: home,
        load: 0,
        load_limit: 1,
        preferred: home,
      })
      assert.equal(chosen, home)
      assert.equal(endpoints.find((each) => each.chosen)?.reason, 'chosen: its session is bound here')
    }
    assert.deepEqual(await stats(), before)
    const named = await ask(gateway.url, { headers: { 'X-Olla-Session-ID': 's' }, body: chat('one') })
    assert.equal(named.session?.key_source, 'session_header')
    const own = await ask(gateway.url, chat('one'), { 'x-olla-session-id': 's' })
    assert.equal(own.session?.key_source, 'session_header')
  })

  it('gives the reason if a session’s endpoint does not get the request', async (t) => {
    const held: (() => void)[] = []
    let isHolding = false
    const upstreams = await Promise.all(
      [0, 1, 2].map(() =>
        startRawUpstream(t, ({ socket }) => {
          const answer = () => void socket.write(jsonAnswer('{}'))
          if (isHolding) held.push(answer)
          else answer()
        }),
      ),
    )
    const gateway = await startGateway(
      t,
      upstreams.map(({ url }) => ({ url })),
      { proxy: { sticky_sessions: { enabled: true, load_bound: 1 } } },
    )
    const headers = { 'content-type': 'application/json', 'x-olla-session-id': 's1' }
    const first = await postChat(gateway.url, {}, { headers })
    await first.text()
    const home = first.headers.get('x-olla-endpoint') ?? ''
    isHolding = true
    const asked = [1, 2].map(() => postChat(gateway.url, {}, { headers }))
    await eventually(() => held.length === 2)
    const explained = await ask(gateway.url, chat('x'), headers)
    assert.equal(explained.session?.reason, 'over_bound')
    assert.deepEqual([explained.session?.load, explained.session?.load_limit], [2, 1.67])
    assert.notEqual(explained.chosen, home)
    assert.match(reasonOf(explained, home) ?? '', /exceeds its share/)
    for (const answer of held) answer()
    for (const each of asked) await (await each).text()
  })

  it('distinguishes an endpoint without the capability from one without the model', async (t) => {
    const able = await withSimulator(t, { kind: 'lm-studio', name: 'able', models: ['llava-vision'] })
    const blind = await withSimulator(t, { kind: 'vllm', name: 'blind', models: ['llava-vision'] })
    const other = await withSimulator(t, { kind: 'vllm', name: 'other', models: ['x'] })
    const gateway = await startGateway(t, [
      { name: 'able', url: able.url, type: 'lm-studio' },
      { name: 'blind', url: blind.url, type: 'vllm' },
      { name: 'other', url: other.url, type: 'vllm' },
    ])
    const explained = await ask(gateway.url, {
      model: 'llava-vision',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }],
    })
    assert.equal(reasonOf(explained, 'other'), 'does not have the model, or is not in scope')
    if (explained.reason.includes('able'))
      assert.equal(reasonOf(explained, 'blind'), 'not known to support the request')
  })

  it('makes no prediction for a host’s selector without a dry run', async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
    const app = Fastify()
    t.after(() => app.close())
    app.decorate('endpointSelector', { strategy: 'own', select: (candidates) => candidates[0] })
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: upstream.url, name: 'e', type: 'openai-compatible' }] } },
    })
    await app.register(gateway, { config })
    await app.ready()
    await eventually(async () => (await app.inject('/internal/ready')).statusCode === 200)
    const explained: Explained = (
      await app.inject({ method: 'POST', url: '/internal/explain', payload: {} })
    ).json()
    assert.deepEqual(
      [explained.chosen, explained.balancer, reasonOf(explained, 'e')],
      [null, 'own', 'the selector decides when a request arrives'],
    )
  })

  it('refuses an invalid request', async (t) => {
    const gateway = await setUp(t)
    for (const [body, code] of [
      ['{', 'invalid_json'],
      ['[1]', 'invalid_json'],
      ['{"headers":{"a":1},"body":{}}', 'invalid_request'],
    ]) {
      const response = await fetch(`${gateway.url}/internal/explain`, { method: 'POST', body: body ?? '' })
      assert.equal(response.status, 400, body)
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, code)
    }
    assert.equal((await fetch(`${gateway.url}/internal/explain`, { method: 'POST' })).status, 200)
  })
})
