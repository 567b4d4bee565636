import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { chatBody, postChat, startGateway } from '../support/gateway.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import type { ScriptedAnswer, ScriptedCall } from '../support/scripted-endpoint.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const always = { stream_upstream: 'always' }
const whole =
  '{"choices":[{"index":0,"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}'
const delta = (content: string, finish = 'null') =>
  `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":${finish}}]}\n\n`
const sse = { 'content-type': 'text/event-stream' }
const stream: ScriptedAnswer = {
  headers: sse,
  body: `${delta('a ')}${delta('stream', '"stop"')}data: {"choices":[],"usage":{"total_tokens":3}}\n\ndata: [DONE]\n\n`,
}

/** What the clients of a scripted endpoint said and got. */
async function scripted(
  t: TestContext,
  engine: string,
  answer: (call: ScriptedCall) => ScriptedAnswer | 'reset' | 'silent',
  proxy: Record<string, unknown> = always,
) {
  const endpoint = await startScriptedEndpoint(t, ['m'], answer)
  const gateway = await startGateway(t, [{ url: endpoint.url }], {
    proxy: { ...engineOf(engine), ...proxy },
  })
  const ask = async (extra: Record<string, unknown> = {}) => {
    const response = await postChat(gateway.url, extra)
    return { response, text: await response.text() }
  }
  const bodies = () => endpoint.calls.filter(({ method }) => method === 'POST').map(({ body }) => body)
  return { endpoint, gateway, ask, bodies }
}

const contentOf = (text: string) =>
  (JSON.parse(text) as { choices?: { message: { content: string } }[] }).choices?.[0]?.message.content

for (const engine of engines) {
  for (const http_server of ['own', 'node']) {
    describe(`a whole answer, streamed upstream by the ${engine} engine behind the ${http_server} server`, () => {
      it('comes only from endpoints whose streams have ended properly, and is the same', async (t) => {
        const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
        const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm' }], {
          proxy: engineOf(engine),
          server: { http_server },
        })
        const posts = () => simulator.control.requests().filter(({ method }) => method === 'POST')
        const ask = async () => {
          const response = await postChat(gateway.url, { max_tokens: 5, x: 1 })
          assert.equal(response.headers.get('content-type')?.split(';')[0], 'application/json')
          const text = await response.text()
          assert.equal(Number(response.headers.get('content-length')), Buffer.byteLength(text))
          const { id: _id, ...answer } = JSON.parse(text) as Record<string, unknown>
          return answer
        }
        const before = await ask()
        assert.equal(posts().at(-1)?.body.toString(), chatBody({ max_tokens: 5, x: 1 }))
        await (await postChat(gateway.url, { stream: true })).text()
        // A thread tells the others what it has learned.
        let after: Record<string, unknown> = {}
        await eventually(async () => {
          after = await ask()
          return posts().at(-1)?.body.includes('"stream":true') === true
        })
        assert.equal(
          posts().at(-1)?.body.toString(),
          chatBody({ max_tokens: 5, x: 1, stream: true, stream_options: { include_usage: true } }),
        )
        assert.deepEqual(after, before)
      })

      it('is tried again elsewhere if it breaks in the middle, however it does', async (t) => {
        const simulators = await Promise.all(
          ['one', 'two'].map((name) => withSimulator(t, { kind: 'vllm', name, models: ['m'] })),
        )
        const [first, second] = simulators
        assert.ok(first !== undefined && second !== undefined)
        const gateway = await startGateway(
          t,
          [first, second].map(({ url, name }, at) => ({ url, name, type: 'vllm', priority: 200 - at })),
          {
            proxy: {
              ...engineOf(engine),
              ...always,
              load_balancer: 'priority',
              circuit_breaker: { enabled: false },
            },
            server: { http_server },
          },
        )
        const breaks: readonly (() => unknown)[] = [
          () => first.control.setFault({ kind: 'die', chunks: 3, times: 1 }),
          () => first.control.setFault({ kind: 'malformed', times: 1 }),
          () => first.control.setFault({ kind: 'truncate', times: 1 }),
          () => first.control.script({ text: 'one two three', errorAfter: 2 }),
        ]
        for (const breaks_ of breaks) {
          await breaks_()
          const response = await postChat(gateway.url, { max_tokens: 5 })
          assert.equal(response.status, 200, breaks_.toString())
          const { choices } = (await response.json()) as { choices: { finish_reason: string }[] }
          assert.equal(choices[0]?.finish_reason, 'length')
          // Penalties pass on their own; the next case needs the first endpoint to be asked first.
          assert.ok(['one', 'two'].includes(response.headers.get('x-olla-endpoint') ?? ''))
        }
        assert.ok(second.control.counters().requests > 0)
      })
    })
  }

  describe(`what the ${engine} engine streams upstream for its own sake`, () => {
    it('is sent as the client wrote it at once if the endpoint refuses, which is remembered', async (t) => {
      const { ask, bodies } = await scripted(t, engine, ({ body }) =>
        body.stream === true
          ? { status: 400, body: { error: { message: 'stream is not supported' } } }
          : { headers: { 'content-type': 'application/json' }, body: JSON.parse(whole) },
      )
      const own = JSON.parse(chatBody()) as unknown
      for (const requests of [2, 3]) {
        const { response, text } = await ask()
        assert.equal(response.status, 200)
        assert.equal(text, whole)
        await eventually(() => bodies().length === requests)
        assert.deepEqual(bodies().at(-1), own)
      }
    })

    it('passes on a whole answer of an endpoint that ignores it', async (t) => {
      for (const type of ['application/json', 'text/event-stream']) {
        const { ask, bodies } = await scripted(t, engine, () => ({
          headers: { 'content-type': type },
          body: whole,
        }))
        assert.equal((await ask()).text, whole)
        assert.equal(bodies()[0]?.stream, true)
      }
    })

    it('is not asked for where the client’s request rules it out', async (t) => {
      const { ask, bodies } = await scripted(t, engine, ({ body }) =>
        body.stream === true ? stream : { body: JSON.parse(whole) },
      )
      assert.equal(contentOf((await ask()).text), 'a stream')
      assert.equal(contentOf((await ask({ best_of: 2 })).text), 'whole')
      assert.equal(contentOf((await ask({ stream_options: { include_usage: true } })).text), 'whole')
      assert.deepEqual(
        bodies().map(({ stream }) => stream),
        [true, undefined, undefined],
      )
    })

    it('is off with `never`', async (t) => {
      const { ask, bodies } = await scripted(
        t,
        engine,
        ({ body }) => (body.stream === true ? stream : { body: JSON.parse(whole) }),
        {
          stream_upstream: 'never',
        },
      )
      await ask({ stream: true })
      assert.equal((await ask()).text, whole)
      assert.equal(bodies()[1]?.stream, undefined)
    })

    it('is not asked for again of an endpoint whose streams report no usage', async (t) => {
      const { ask, bodies } = await scripted(t, engine, ({ body }) =>
        body.stream === true
          ? { headers: sse, body: `${delta('a', '"stop"')}data: [DONE]\n\n` }
          : { body: JSON.parse(whole) },
      )
      await ask()
      await eventually(async () => {
        await ask()
        return bodies().at(-1)?.stream === undefined
      })
    })

    it('ends in the endpoint’s own error, or an honest one, if no endpoint does better', async (t) => {
      const answers: ScriptedAnswer[] = [
        { headers: sse, body: `${delta('a')}data: {"error":{"message":"too long","code":400}}\n\n` },
        { headers: sse, body: delta('a') },
      ]
      const { gateway } = await scripted(
        t,
        engine,
        () => answers.shift() ?? { headers: sse, body: delta('a') },
        {
          ...always,
          max_attempts: 1,
        },
      )
      const refused = await postChat(gateway.url)
      assert.equal(refused.status, 400)
      assert.match(await refused.text(), /too long/)
      const broken = await postChat(gateway.url)
      assert.equal(broken.status, 502)
      const { error } = (await broken.json()) as { error: { message: string; type: string } }
      assert.equal(typeof error.message, 'string')
    })

    it('obeys the time between two chunks', async (t) => {
      const silent = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead + chunk(delta('a')))
      })
      const good = await startScriptedEndpoint(t, ['m'], () => stream)
      const gateway = await startGateway(
        t,
        [
          { url: silent.url, name: 'silent', priority: 200, timeouts: { idle: '100ms' } },
          { url: good.url, name: 'good' },
        ],
        { proxy: { ...engineOf(engine), ...always, load_balancer: 'priority' } },
      )
      const response = await postChat(gateway.url)
      assert.equal(contentOf(await response.text()), 'a stream')
      assert.equal(response.headers.get('x-olla-endpoint'), 'good')
      assert.equal(silent.requests.length, 1)
    })

    it('is cancelled as soon as the client leaves', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead + chunk(delta('a')))
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], {
        proxy: { ...engineOf(engine), ...always },
      })
      const abort = new AbortController()
      const asked = postChat(gateway.url, {}, { signal: abort.signal })
      await eventually(() => upstream.requests.length === 1)
      const socket = upstream.requests[0]?.socket ?? assert.fail('no request')
      abort.abort()
      await assert.rejects(asked)
      await eventually(() => socket.destroyed)
    })
  })
}

describe('a whole answer that is streamed upstream', () => {
  it('is seen in the recent requests, and foreseen by /internal/explain', async (t) => {
    const { gateway, ask } = await scripted(t, 'olla', () => stream)
    const explain = async (path: string, body: object) => {
      const response = await fetch(`${gateway.url}/internal/explain`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ path, body }),
      })
      const { endpoints } = (await response.json()) as { endpoints: { streamed_upstream: boolean }[] }
      return endpoints[0]?.streamed_upstream
    }
    assert.equal(await explain('/v1/chat/completions', { model: 'm' }), true)
    assert.equal(await explain('/v1/chat/completions', { model: 'm', stream: true }), false)
    assert.equal(await explain('/v1/chat/completions', { model: 'm', best_of: 2 }), false)
    assert.equal(await explain('/v1/embeddings', { model: 'm' }), false)
    await ask()
    await ask({ stream: true })
    await eventually(async () => {
      const { requests } = (await (await fetch(`${gateway.url}/internal/requests`)).json()) as {
        requests: { stream: boolean; streamed_upstream: boolean; completion_tokens: number | null }[]
      }
      const whole = requests.find(({ stream }) => !stream)
      const streamed = requests.find(({ stream }) => stream)
      return whole?.streamed_upstream === true && streamed?.streamed_upstream === false
    })
  })
})
