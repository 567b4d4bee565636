import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { postChat, startGateway } from '../support/gateway.ts'
import { chunk, jsonAnswer, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const completion =
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'

type Message = { role: string; content: string }
const system: Message = { role: 'system', content: 'You are the same assistant for everybody. '.repeat(40) }

/** A gateway in front of simulated servers, with sessions on. */
async function setUp(
  t: TestContext,
  engine: string,
  sticky: Record<string, unknown> = {},
  proxy: Record<string, unknown> = {},
) {
  const names = ['one', 'two', 'three', 'four']
  const simulators = await Promise.all(
    names.map((name) => withSimulator(t, { kind: 'vllm', name, models: ['m'] })),
  )
  const gateway = await startGateway(
    t,
    simulators.map(({ name, url }) => ({ name, url, type: 'vllm' })),
    { proxy: { ...engineOf(engine), sticky_sessions: { enabled: true, ...sticky }, ...proxy } },
  )
  const ask = async (
    messages: readonly Message[],
    headers: Record<string, string> = {},
    path = '/v1/chat/completions',
    extra: Record<string, unknown> = {},
  ) => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'm', max_tokens: 5, messages, ...extra }),
    })
    await response.text()
    return told(response)
  }
  const stats = async () =>
    (await (await fetch(`${gateway.url}/internal/stats/sticky`)).json()) as Record<string, unknown>
  return { gateway, simulators, ask, stats }
}

function told(response: Response) {
  const header = (name: string) => response.headers.get(name) ?? undefined
  return {
    status: response.status,
    endpoint: header('x-olla-endpoint'),
    outcome: header('x-olla-sticky-session'),
    source: header('x-olla-sticky-key-source'),
    depth: header('x-olla-sticky-depth'),
    reason: header('x-olla-sticky-reason'),
    session: header('x-olla-session-id'),
  }
}

/** The conversation after so many turns. */
function turns(name: string, count: number): Message[] {
  const messages: Message[] = [system]
  for (let turn = 1; turn <= count; turn++) {
    if (turn > 1) messages.push({ role: 'assistant', content: `${name} answer ${turn - 1}` })
    messages.push({ role: 'user', content: `${name} question ${turn}` })
  }
  return messages
}

for (const engine of engines) {
  describe(`sessions of the ${engine} engine`, () => {
    it('keep the turns of a conversation on one endpoint, although all share a system prompt (contract 16.2, item 13)', async (t) => {
      const { ask, stats } = await setUp(t, engine)
      const homes: (string | undefined)[] = []
      for (let conversation = 0; conversation < 8; conversation++) {
        const first = await ask(turns(`c${conversation}`, 1))
        assert.deepEqual([first.outcome, first.source, first.depth], ['miss', 'prefix_hash', undefined])
        homes.push(first.endpoint)
      }
      assert.equal(new Set(homes).size, 4, `spread: ${homes}`)
      for (let turn = 2; turn <= 4; turn++) {
        for (const [conversation, home] of homes.entries()) {
          const { endpoint, outcome, depth } = await ask(turns(`c${conversation}`, turn))
          assert.deepEqual([endpoint, outcome, depth], [home, 'hit', `${2 * turn - 2}/${2 * turn}`])
        }
      }
      const { endpoints, ...numbers } = await stats()
      assert.deepEqual(numbers, {
        enabled: true,
        active_sessions: 16,
        insertions: 32,
        hits: 24,
        misses: 8,
        evictions: 0,
        max_sessions: 10_000,
        idle_ttl_seconds: 600,
        repins: 0,
        disabled: 0,
        load_bound: 1.5,
        key_sources: [
          'session_header',
          'previous_response_id',
          'prompt_cache_key',
          'prefix_hash',
          'auth_header',
        ],
      })
      assert.deepEqual(Object.keys(endpoints ?? {}), ['one', 'two', 'three', 'four'])
      // Over several threads they are counted anew once a second.
      await eventually(async () =>
        isDeepStrictEqual((await stats()).endpoints, { one: 4, two: 4, three: 4, four: 4 }),
      )
    })

    it('move when their endpoint fails, and stay at the new one', async (t) => {
      const { ask, simulators, stats, gateway } = await setUp(t, engine)
      const first = await ask(turns('c', 1), { 'x-olla-session-id': 's1' })
      assert.deepEqual([first.outcome, first.session], ['miss', 's1'])
      const home = simulators.find(({ name }) => name === first.endpoint)
      await home?.control.setFault({ kind: 'refuse' })
      const moved = await ask(turns('c', 2), { 'x-olla-session-id': 's1' })
      assert.equal(moved.status, 200)
      assert.notEqual(moved.endpoint, first.endpoint)
      assert.ok(moved.outcome === 'repin' || moved.outcome === 'miss', moved.outcome)
      for (let turn = 3; turn < 6; turn++) {
        const { endpoint, outcome } = await ask(turns('c', turn), { 'x-olla-session-id': 's1' })
        assert.deepEqual([endpoint, outcome], [moved.endpoint, 'hit'])
      }
      await home?.control.clearFaults()
      await eventually(async () => (await gateway.status()).every(({ status }) => status === 'healthy'))
      assert.equal((await ask(turns('c', 6), { 'x-olla-session-id': 's1' })).endpoint, moved.endpoint)
      assert.equal((await stats()).repins, moved.outcome === 'repin' ? 1 : 0)
    })

    it('are bound to the endpoint that answered, not to the chosen one', async (t) => {
      const { ask, simulators } = await setUp(t, engine, { key_sources: ['session_header'] })
      for (const { control } of simulators) await control.setFault({ kind: 'status', status: 500, times: 1 })
      const session = { 'x-olla-session-id': 's1' }
      const failed = await ask([system], session)
      assert.deepEqual([failed.status, failed.outcome, failed.session], [500, 'miss', 's1'])
      assert.equal((await ask([system], session)).outcome, 'miss')
      for (const { control } of simulators) await control.clearFaults()
      const bound = await ask([system], session)
      assert.equal((await ask([system], session)).endpoint, bound.endpoint)
    })

    it('follow clients on provider routes and by the ids that they send', async (t) => {
      const { ask } = await setUp(t, engine, {
        key_sources: ['prompt_cache_key', 'metadata_user_id', 'user', 'prefix_hash', 'auth_header', 'ip'],
      })
      const path = '/olla/vllm/v1/chat/completions'
      const cases: [string, Record<string, unknown>, Message[]][] = [
        ['prompt_cache_key', { prompt_cache_key: 'k' }, turns('k', 1)],
        ['metadata_user_id', { metadata: { user_id: 'u' } }, turns('m', 1)],
        ['user', { user: 'someone' }, turns('u', 1)],
        ['prefix_hash', {}, turns('p', 1)],
      ]
      for (const [source, extra, messages] of cases) {
        const first = await ask(messages, {}, path, extra)
        assert.deepEqual([first.outcome, first.source], ['miss', source])
        const again = await ask(messages, {}, path, extra)
        assert.deepEqual([again.outcome, again.source, again.endpoint], ['hit', source, first.endpoint])
      }
      const key = { authorization: 'Bearer one' }
      const first = await ask([], key, '/olla/openai/v1/embeddings', { input: 'x', messages: undefined })
      assert.deepEqual([first.outcome, first.source], ['miss', 'auth_header'])
      const other = await ask([], { 'x-api-key': 'two' }, '/v1/embeddings', {
        input: 'x',
        messages: undefined,
      })
      assert.deepEqual([other.outcome, other.source], ['miss', 'auth_header'])
      const again = await ask([], key, '/v1/embeddings', { input: 'y', messages: undefined })
      assert.deepEqual([again.outcome, again.endpoint], ['hit', first.endpoint])
      const anonymous = await ask([], {}, '/v1/embeddings', { input: 'y', messages: undefined })
      assert.equal(anonymous.source, 'ip')
    })

    it('follow Anthropic bodies on a provider route, with cache_control at any position', async (t) => {
      const upstreams = await Promise.all(
        [0, 1, 2].map(() => startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer(completion)))),
      )
      const gateway = await startGateway(
        t,
        upstreams.map(({ url }) => ({ url })),
        { proxy: { ...engineOf(engine), sticky_sessions: { enabled: true } } },
      )
      const ask = async (path: string, messages: unknown[]) => {
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': 'k' },
          body: JSON.stringify({
            messages,
            system: [{ type: 'text', text: 'sys' }],
            max_tokens: 5,
            model: 'm',
          }),
        })
        await response.text()
        return told(response)
      }
      const text = (value: string, marks: object = {}) => [{ type: 'text', text: value, ...marks }]
      const cache_control = { type: 'ephemeral' }
      const one = { role: 'user', content: text('one', { cache_control }) }
      const path = '/olla/openai/v1/messages'
      const first = await ask(path, [one])
      assert.deepEqual([first.outcome, first.source], ['miss', 'prefix_hash'])
      const grown = [
        { content: 'one', role: 'user' },
        { role: 'assistant', content: 'answer' },
        { role: 'user', content: text('two', { cache_control }) },
      ]
      const second = await ask(path, grown)
      assert.deepEqual([second.outcome, second.endpoint, second.depth], ['hit', first.endpoint, '1/3'])
    })

    for (const type of ['vllm', 'openai-compatible']) {
      it(`follow an Anthropic conversation on endpoints of type ${type}`, async (t) => {
        const simulators = await Promise.all(
          ['one', 'two', 'three'].map((name) => withSimulator(t, { kind: 'vllm', name, models: ['m'] })),
        )
        const gateway = await startGateway(
          t,
          simulators.map(({ name, url }) => ({ name, url, type })),
          { proxy: { ...engineOf(engine), sticky_sessions: { enabled: true } } },
        )
        const ask = async (path: string, messages: readonly Message[], stream: boolean) => {
          const response = await fetch(`${gateway.url}${path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-api-key': 'k' },
            body: JSON.stringify({ model: 'm', max_tokens: 5, system: system.content, messages, stream }),
          })
          await response.text()
          return told(response)
        }
        for (const path of ['/olla/anthropic/v1/messages', '/v1/messages']) {
          const conversation = turns(path, 1).slice(1)
          const first = await ask(path, conversation, false)
          assert.deepEqual([first.status, first.outcome, first.source], [200, 'miss', 'prefix_hash'])
          for (let turn = 2; turn < 5; turn++) {
            const { endpoint, outcome } = await ask(path, turns(path, turn).slice(1), turn % 2 === 0)
            assert.deepEqual([endpoint, outcome], [first.endpoint, 'hit'])
          }
        }
      })
    }

    it('report why they leave an overloaded endpoint', async (t) => {
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
        { proxy: { ...engineOf(engine), sticky_sessions: { enabled: true, load_bound: 1 } } },
      )
      const ask = async () => {
        const response = await postChat(
          gateway.url,
          {},
          {
            headers: { 'content-type': 'application/json', 'x-olla-session-id': 's1' },
          },
        )
        await response.text()
        return told(response)
      }
      const { endpoint } = await ask()
      isHolding = true
      const asked: Promise<ReturnType<typeof told>>[] = []
      for (let count = 1; count <= 3; count++) {
        asked.push(ask())
        await eventually(() => held.length === count)
      }
      for (const answer of held) answer()
      const [one, two, three] = await Promise.all(asked)
      assert.deepEqual([one?.outcome, one?.endpoint], ['hit', endpoint])
      assert.deepEqual([two?.outcome, two?.endpoint], ['hit', endpoint])
      assert.deepEqual([three?.outcome, three?.reason], ['repin', 'over_bound'])
      assert.notEqual(three?.endpoint, endpoint)
    })

    it('remember the endpoint of a stored response', async (t) => {
      let made = 0
      const upstreams = await Promise.all(
        [0, 1, 2].map((number) =>
          startRawUpstream(t, ({ socket, head }) => {
            const id = `resp_${number}_${made++}`
            if (head.startsWith('GET')) socket.write(jsonAnswer(`{"id":"${id}"}`))
            else if (made % 2 === 0) socket.write(jsonAnswer(`{"object":"response","id": "${id}"}`))
            else {
              socket.write(sseHead)
              const event = `event: response.created\ndata: {"type":"response.created","response":{"id":"${id}"}}\n\n`
              socket.write(chunk(event))
              socket.write(chunk(event.replaceAll('created', 'completed')))
              socket.write('0\r\n\r\n')
            }
          }),
        ),
      )
      const gateway = await startGateway(
        t,
        upstreams.map(({ url }) => ({ url })),
        { proxy: { ...engineOf(engine), sticky_sessions: { enabled: true, load_bound: 1 } } },
      )
      const ask = async (previous?: string) => {
        const response = await fetch(`${gateway.url}/v1/responses`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'm', input: `${made}`, previous_response_id: previous }),
        })
        const id = /resp_\w+/.exec(await response.text())?.[0]
        assert.ok(id !== undefined)
        return { id, ...told(response) }
      }
      for (let conversation = 0; conversation < 4; conversation++) {
        let { id, endpoint } = await ask()
        const home = endpoint
        for (let turn = 0; turn < 3; turn++) {
          const next = await ask(id)
          assert.deepEqual([next.endpoint, next.outcome, next.source], [home, 'hit', 'previous_response_id'])
          ;({ id, endpoint } = next)
        }
        const fetched = await fetch(`${gateway.url}/v1/responses/${id}`)
        await fetched.text()
        assert.equal(told(fetched).endpoint, home)
      }
    })

    it('report a rejected request too', async (t) => {
      const { ask } = await setUp(t, engine)
      const rejected = await ask([system], { 'x-olla-session-id': 's1' }, '/v1/chat/completions', {
        model: 'none',
      })
      assert.deepEqual(
        [rejected.status, rejected.outcome, rejected.source, rejected.session],
        [404, 'miss', 'session_header', 's1'],
      )
    })
  })
}

describe('disabled sessions', () => {
  it('leave no trace', async (t) => {
    const { ask, stats } = await setUp(t, 'olla', { enabled: false })
    const first = await ask(turns('c', 1), { 'x-olla-session-id': 's1' })
    assert.deepEqual([first.outcome, first.source, first.session], [undefined, undefined, undefined])
    assert.deepEqual(await stats(), { enabled: false })
  })

  it('without a key are disabled', async (t) => {
    const { ask } = await setUp(t, 'olla', { key_sources: ['session_header'] })
    const { outcome, source } = await ask(turns('c', 1))
    assert.deepEqual([outcome, source], ['disabled', undefined])
  })
})
