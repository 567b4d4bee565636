import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const tokens = [
  'Once',
  ' upon',
  ' a',
  ' time',
  ',\n',
  '\n',
  'there',
  ' was',
  ' "a',
  '\\',
  ' cat',
  '.',
  ' é',
  ' 猫',
  '',
]
const text = tokens.join('')
const line = (value: object) => `${JSON.stringify(value)}\n`
const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`
const named = (type: string, value: object) => `event: ${type}\n${data({ type, ...value })}`

interface Wire {
  readonly backend: string
  readonly prefix: string
  readonly path: string
  readonly request: Readonly<Record<string, unknown>>
  readonly isLines?: boolean
  readonly start: (id: string) => string
  readonly token: (token: string, id: string) => string
  readonly end: (prompt: number, completion: number, id: string) => string
  /** The text that a request asks to continue. */
  readonly prefill: (body: Body) => string
  readonly read: (event: Body) => string | undefined
  readonly usage: (event: Body) => unknown
}

/** Any event or request of the wires below. */
interface Body {
  readonly id?: string
  readonly type?: string
  readonly model?: string
  readonly done?: boolean
  readonly prompt?: string
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly stream_options?: object
  readonly continue_final_message?: boolean
  readonly message?: { readonly id?: string; readonly content?: string }
  readonly choices?: readonly { readonly text?: string; readonly delta?: { readonly content?: string } }[]
  readonly delta?: { readonly text?: string }
  readonly usage?: Readonly<Record<string, number>>
  readonly prompt_eval_count?: number
  readonly eval_count?: number
}

const messages = [{ role: 'user', content: 'Tell' }]
const lastText = ({ messages: all }: Body): string => {
  const last = all?.at(-1)
  return last?.role === 'assistant' ? last.content : ''
}
const choice = (id: string, more: object) => ({ id, object: 'x', created: id.length, model: 'm', ...more })
const openaiUsage = (event: Body) =>
  event.usage && [event.usage.prompt_tokens, event.usage.completion_tokens, event.usage.total_tokens]

const wires: Readonly<Record<string, Wire>> = {
  chat: {
    backend: 'vllm',
    prefix: '/olla/openai',
    path: '/v1/chat/completions',
    request: { model: 'm', messages, stream: true, stream_options: { include_usage: true } },
    start: (id) => data(choice(id, { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] })),
    token: (content, id) =>
      data(choice(id, { choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }] })),
    end: (prompt, completion, id) =>
      data(choice(id, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })) +
      data(
        choice(id, {
          choices: [],
          usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
        }),
      ) +
      'data: [DONE]\n\n',
    prefill: (body) => (body.continue_final_message === true ? lastText(body) : ''),
    read: ({ choices }) => choices?.[0]?.delta?.content,
    usage: openaiUsage,
  },
  completions: {
    backend: 'vllm',
    prefix: '/olla/openai',
    path: '/v1/completions',
    request: { model: 'm', prompt: 'Tell: ', stream: true, stream_options: { include_usage: true } },
    start: () => '',
    token: (each, id) => data(choice(id, { choices: [{ index: 0, text: each, finish_reason: null }] })),
    end: (prompt, completion, id) =>
      data(choice(id, { choices: [{ index: 0, text: '', finish_reason: 'stop' }] })) +
      data(
        choice(id, {
          choices: [],
          usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
        }),
      ) +
      'data: [DONE]\n\n',
    prefill: ({ prompt = '' }) => prompt.slice('Tell: '.length),
    read: ({ choices }) => choices?.[0]?.text,
    usage: openaiUsage,
  },
  messages: {
    backend: 'llamacpp',
    prefix: '/olla/anthropic',
    path: '/v1/messages',
    request: { model: 'm', max_tokens: 99, messages, stream: true },
    start: (id) =>
      named('message_start', {
        message: { id, type: 'message', role: 'assistant', model: 'm', content: [] },
      }) + named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    token: (each) => named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: each } }),
    end: (_prompt, completion) =>
      named('content_block_stop', { index: 0 }) +
      named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: completion } }) +
      named('message_stop', {}),
    prefill: lastText,
    read: ({ type, delta }) => (type === 'content_block_delta' ? delta?.text : undefined),
    usage: ({ usage }) => usage?.output_tokens,
  },
  ollama: {
    backend: 'ollama',
    prefix: '/olla/ollama',
    path: '/api/chat',
    request: { model: 'm', messages },
    isLines: true,
    start: () => '',
    token: (content) => line({ model: 'm', message: { role: 'assistant', content }, done: false }),
    end: (prompt, completion) =>
      line({
        model: 'm',
        message: { role: 'assistant', content: '' },
        done: true,
        done_reason: 'stop',
        prompt_eval_count: prompt,
        eval_count: completion,
      }),
    prefill: lastText,
    read: ({ message }) => message?.content,
    usage: (event) => event.done === true && [event.prompt_eval_count, event.eval_count],
  },
}

const head = ({ isLines }: Wire) =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${isLines === true ? 'application/x-ndjson' : 'text/event-stream'}\r\nTransfer-Encoding: chunked\r\n\r\n`
const chunked = (each: string) =>
  each === '' ? '' : `${Buffer.byteLength(each).toString(16)}\r\n${each}\r\n`

const promptTokens = 7

/** Writes the rest of the text after what the request contains, up to this token of the whole. */
function write(wire: Wire, { socket, body }: RawRequest, id: string, killedAt: number | undefined): void {
  const prefill = wire.prefill(JSON.parse(body.toString()))
  assert.ok(text.startsWith(prefill), prefill)
  // The white space after the prefill is generated again.
  const rest = prefill === '' ? tokens : [text.slice(prefill.length)]
  const first = prefill === '' ? 0 : tokensIn(prefill)
  socket.write(head(wire) + chunked(wire.start(id)))
  if (killedAt === undefined) {
    const generated = tokens.length - 1 - first
    for (const token of rest) socket.write(chunked(wire.token(token, id)))
    socket.write(`${chunked(wire.end(promptTokens + first, generated, id))}0\r\n\r\n`)
    return
  }
  const events = rest.slice(0, killedAt).map((token) => wire.token(token, id))
  // Half of the next event is left behind.
  const half = wire.token(rest[killedAt] ?? '', id)
  for (const event of events) socket.write(chunked(event))
  const cut = chunked(half.slice(0, half.length / 2))
  // Some servers end the answer in order when their engine dies.
  if (killedAt % 2 === 0) socket.write(`${cut}0\r\n\r\n`)
  else socket.write(cut, () => socket.end())
}

function tokensIn(prefill: string): number {
  return tokens.findIndex((_, at) => tokens.slice(0, at + 1).join('').length >= prefill.length) + 1
}

async function twoEndpoints(
  t: TestContext,
  wire: Wire,
  engine: string,
  answers: readonly ((call: RawRequest) => void)[],
) {
  let calls = 0
  const bodies: Body[] = []
  const serve = (call: RawRequest) => {
    if (!call.head.startsWith('POST')) {
      call.socket.write(jsonAnswer('{"models":[{"name":"m","model":"m"}]}'))
      return
    }
    bodies.push(JSON.parse(call.body.toString()))
    answers[Math.min(calls++, answers.length - 1)]?.(call)
  }
  const endpoints = [await startRawUpstream(t, serve), await startRawUpstream(t, serve)]
  const gateway = await startGateway(
    t,
    endpoints.map(({ url }, at) => ({ url, name: `e${at}`, type: wire.backend, priority: 200 - at })),
    {
      proxy: {
        ...engineOf(engine),
        continuation: { enabled: true },
        circuit_breaker: { enabled: false },
        outage_wait: 0,
      },
    },
  )
  const ask = async (more: object = {}) => {
    const response = await fetch(`${gateway.url}${wire.prefix}${wire.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...wire.request, ...more }),
    })
    assert.equal(response.status, 200)
    return response
  }
  const reset = () => {
    calls = 0
  }
  return { ask, bodies, reset }
}

function eventsOf(wire: Wire, received: string): Body[] {
  const texts =
    wire.isLines === true
      ? received.split('\n')
      : received
          .split('\n')
          .flatMap((each) => (each.startsWith('data: {') ? [each.slice('data: '.length)] : []))
  return texts.filter((each) => each !== '').map((each) => JSON.parse(each))
}

for (const engine of engines) {
  describe(`continuation with ${engine}`, () => {
    for (const [name, wire] of Object.entries(wires)) {
      it(`gives the text exactly once, killed at any token: ${name}`, async (t) => {
        let killedAt = 1
        const { ask, reset } = await twoEndpoints(t, wire, engine, [
          (call) => write(wire, call, 'first', killedAt),
          (call) => write(wire, call, 'second', undefined),
        ])
        for (; killedAt < tokens.length; killedAt++) {
          reset()
          const received = await (await ask()).text()
          const events = eventsOf(wire, received)
          assert.equal(
            events.map((event) => wire.read(event) ?? '').join(''),
            text,
            `${killedAt}: ${received}`,
          )
          const ids = new Set(events.flatMap(({ id, message }) => id ?? message?.id ?? []))
          assert.ok(!received.includes('second') && ids.size <= 1, received)
          const usage = events.map(wire.usage).find(Boolean)
          const count = tokens.length - 1
          const expected =
            name === 'messages'
              ? count
              : name === 'ollama'
                ? [promptTokens, count]
                : [promptTokens, count, promptTokens + count]
          assert.deepEqual(usage, expected, `${killedAt}: ${received}`)
          if (wire.isLines !== true) assert.match(received, /^: continued on another endpoint$/m)
        }
      })
    }

    it('hides the usage that the client did not ask for', async (t) => {
      const wire = wires.chat ?? assert.fail()
      const { ask, bodies } = await twoEndpoints(t, wire, engine, [
        (call) => write(wire, call, 'first', 3),
        (call) => write(wire, call, 'second', undefined),
      ])
      const received = await (await ask({ stream_options: undefined })).text()
      assert.deepEqual(bodies[1]?.stream_options, { include_usage: true })
      assert.ok(!received.includes('usage') && received.endsWith('data: [DONE]\n\n'), received)
    })

    it('shows the second break of a stream', async (t) => {
      const wire = wires.chat ?? assert.fail()
      const { ask } = await twoEndpoints(t, wire, engine, [
        (call) => write(wire, call, 'first', 3),
        ({ socket }) => {
          socket.write(head(wire) + chunked(wire.token(' time', 'second')), () => socket.end())
        },
      ])
      const received = await (await ask()).text().catch(String)
      assert.ok(!received.includes('[DONE]'), received)
    })

    for (const [name, more] of [
      ['a schema', { response_format: { type: 'json_object' } }],
      ['several answers', { n: 2 }],
      ['log probabilities', { logprobs: true }],
    ] as const) {
      it(`does not continue an answer with ${name}`, async (t) => {
        const wire = wires.chat ?? assert.fail()
        const { ask, bodies } = await twoEndpoints(t, wire, engine, [(call) => write(wire, call, 'first', 3)])
        const received = await readAll(await ask(more))
        assert.match(received, /"error"/)
        assert.equal(bodies.length, 1)
      })
    }

    it('does not continue an answer that has called a tool or was thinking', async (t) => {
      const wire = wires.chat ?? assert.fail()
      for (const delta of [
        { tool_calls: [{ index: 0, id: 't', function: { name: 'f', arguments: '{' } }] },
        { reasoning_content: 'Hm' },
      ]) {
        const { ask, bodies } = await twoEndpoints(t, wire, engine, [
          ({ socket }) => {
            const call = data(choice('first', { choices: [{ index: 0, delta }] }))
            socket.write(head(wire) + chunked(wire.token('Well', 'first')) + chunked(call), () =>
              socket.end(),
            )
          },
        ])
        assert.match(await readAll(await ask()), /"error"/)
        assert.equal(bodies.length, 1)
      }
    })
  })
}

/** What arrived before the connection was cut. */
async function readAll(response: Response): Promise<string> {
  let received = ''
  try {
    for await (const chunk of response.body ?? []) received += Buffer.from(chunk).toString()
  } catch {
    // The gateway cuts an answer that is not complete.
  }
  return received
}
