import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const prices = [
  { models: ['priced'], input: 3, cached_input: 0.3, output: 15, request: 0.001 },
  { models: ['whisper'], audio_second: 0.0001, request: 0.001 },
  { models: ['gpt-transcribe'], input: 3, output: 15, audio_second: 0.0001 },
  { models: ['free'] },
]

/** 400 tokens of the prompt are new and 600 from a cache; 200 are generated. */
const withCache = (400 * 3 + 600 * 0.3 + 200 * 15) / 1e6 + 0.001
const withoutCache = (1000 * 3 + 200 * 15) / 1e6 + 0.001

async function start(t: TestContext, type: string, budgets: readonly object[] = []) {
  const endpoint = await startScriptedEndpoint(t, ['priced', 'whisper', 'gpt-transcribe', 'free', 'unknown'])
  const { key, entry } = configuredKey('ci', { limits: { budgets } })
  const callers = { store: await storeFile(), secret: callersSecret, keys: [entry], prices }
  const gateway = await startGateway(t, [{ url: endpoint.url, name: 'one', type }], { callers })
  const admin = adminOf(gateway.url)
  /** Sends one request, and returns the model's row of the ledger. */
  async function send(path: string, body: object | FormData, model = 'priced') {
    const { authorization } = bearer(key)
    const isForm = body instanceof FormData
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization, ...(isForm ? {} : { 'content-type': 'application/json' }) },
      body: isForm ? body : JSON.stringify({ model, ...body }),
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    let rows: Row[] = []
    await eventually(async () => {
      rows = (await admin('GET', `/usage?by=model&model=${model}`)).body.usage as Row[]
      return rows.length === 1
    })
    return rows[0] ?? assert.fail()
  }
  return { endpoint, admin, send }
}

interface Row {
  readonly requests: number
  readonly prompt_tokens: number
  readonly cached_tokens: number
  readonly completion_tokens: number
  readonly cost: number
  readonly unpriced: number
}

const sse = (...events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const named = (...events: { readonly type: string }[]) =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')

const chatUsage = {
  prompt_tokens: 1000,
  completion_tokens: 200,
  total_tokens: 1200,
  prompt_tokens_details: { cached_tokens: 600 },
}
const responsesUsage = {
  input_tokens: 1000,
  output_tokens: 200,
  total_tokens: 1200,
  input_tokens_details: { cached_tokens: 600 },
}
/** `input_tokens` are those that were not read from the cache. */
const messagesUsage = { input_tokens: 400, cache_read_input_tokens: 600, output_tokens: 200 }
const ollamaUsage = { prompt_eval_count: 1000, eval_count: 200 }
const message = { role: 'assistant', content: 'hi' }
const reply = { id: 'r', object: 'response', status: 'completed', model: 'priced' }
const output = [
  {
    type: 'message',
    id: 'm',
    role: 'assistant',
    content: [{ type: 'output_text', text: 'hi', annotations: [] }],
  },
]
const messageBody = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'priced',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
}

const messages = [{ role: 'user', content: 'hi' }]

interface Operation {
  readonly name: string
  readonly type: string
  readonly path: string
  readonly request: object
  readonly whole: object
  /** Undefined if the operation has no streams. */
  readonly stream: string | undefined
  readonly streamType?: string
  readonly cost: number
}

const operations: readonly Operation[] = [
  {
    name: 'Chat Completions',
    type: 'vllm',
    path: '/v1/chat/completions',
    request: { messages },
    whole: { id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }], usage: chatUsage },
    stream: `${sse(
      { id: 'c', choices: [{ index: 0, delta: message, finish_reason: 'stop' }] },
      { id: 'c', choices: [], usage: chatUsage },
    )}data: [DONE]\n\n`,
    cost: withCache,
  },
  {
    name: 'Completions',
    type: 'vllm',
    path: '/v1/completions',
    request: { prompt: 'hi' },
    whole: { id: 'c', choices: [{ index: 0, text: 'hi', finish_reason: 'stop' }], usage: chatUsage },
    stream: `${sse(
      { id: 'c', choices: [{ index: 0, text: 'hi', finish_reason: 'stop' }] },
      { id: 'c', choices: [], usage: chatUsage },
    )}data: [DONE]\n\n`,
    cost: withCache,
  },
  {
    name: 'Responses',
    type: 'vllm',
    path: '/v1/responses',
    request: { input: 'hi' },
    whole: { ...reply, output, usage: responsesUsage },
    stream: named(
      { type: 'response.created', response: { ...reply, status: 'in_progress', output: [] } } as never,
      {
        type: 'response.output_text.delta',
        item_id: 'm',
        output_index: 0,
        content_index: 0,
        delta: 'hi',
      } as never,
      { type: 'response.completed', response: { ...reply, output, usage: responsesUsage } } as never,
    ),
    cost: withCache,
  },
  {
    name: 'Messages',
    type: 'vllm',
    path: '/olla/anthropic/v1/messages',
    request: { messages, max_tokens: 300 },
    whole: { ...messageBody, usage: messagesUsage },
    stream: named(
      {
        type: 'message_start',
        message: {
          ...messageBody,
          content: [],
          stop_reason: null,
          usage: { ...messagesUsage, output_tokens: 1 },
        },
      } as never,
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } as never,
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } } as never,
      { type: 'content_block_stop', index: 0 } as never,
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 200 } } as never,
      { type: 'message_stop' },
    ),
    cost: withCache,
  },
  {
    name: "Ollama's chat",
    type: 'ollama',
    path: '/olla/ollama/api/chat',
    request: { messages, stream: false },
    whole: { model: 'priced', message, done: true, ...ollamaUsage },
    stream: `${JSON.stringify({ model: 'priced', message, done: false })}\n${JSON.stringify({ model: 'priced', message: { ...message, content: '' }, done: true, ...ollamaUsage })}\n`,
    streamType: 'application/x-ndjson',
    cost: withoutCache,
  },
  {
    name: "Ollama's generate",
    type: 'ollama',
    path: '/olla/ollama/api/generate',
    request: { prompt: 'hi', stream: false },
    whole: { model: 'priced', response: 'hi', done: true, ...ollamaUsage },
    stream: `${JSON.stringify({ model: 'priced', response: 'hi', done: false })}\n${JSON.stringify({ model: 'priced', response: '', done: true, ...ollamaUsage })}\n`,
    streamType: 'application/x-ndjson',
    cost: withoutCache,
  },
  {
    name: 'Embeddings',
    type: 'vllm',
    path: '/v1/embeddings',
    request: { input: 'hi' },
    whole: {
      object: 'list',
      data: [{ index: 0, embedding: [1] }],
      usage: { prompt_tokens: 1000, total_tokens: 1000 },
    },
    stream: undefined,
    cost: (1000 * 3) / 1e6 + 0.001,
  },
]

const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-12, `${found} instead of ${expected}`)

describe('the cost of a request', () => {
  for (const { name, type, path, request, whole, stream, streamType, cost } of operations) {
    it(`of ${name} follows the price table, whole and streamed`, async (t) => {
      const { endpoint, send } = await start(t, type)
      endpoint.answer = ({ body }) =>
        body.stream === true
          ? { body: stream, headers: { 'content-type': streamType ?? 'text/event-stream' } }
          : { body: whole }
      const once = await send(path, request)
      near(once.cost, cost)
      if (stream === undefined) return
      await t.test('streamed', async (inner) => {
        const other = await start(inner, type)
        other.endpoint.answer = endpoint.answer
        const streamed = await other.send(path, { ...request, stream: true })
        near(streamed.cost, cost)
        const { cost: _whole, requests: _one, ...tokens } = once
        const { cost: _streamed, requests: _two, ...same } = streamed
        assert.deepEqual(
          [same.prompt_tokens, same.cached_tokens, same.completion_tokens],
          [tokens.prompt_tokens, tokens.cached_tokens, tokens.completion_tokens],
        )
      })
    })
  }

  function audio(model: string, bytes: number): FormData {
    const form = new FormData()
    form.set('model', model)
    form.set('file', new Blob([Buffer.alloc(bytes)]), 'speech.mp3')
    return form
  }

  for (const [name, model, answered, cost] of [
    [
      'the seconds in its usage',
      'whisper',
      { text: 'hi', usage: { type: 'duration', seconds: 9 } },
      0.001 + 0.0009,
    ],
    [
      'the duration of a verbose answer',
      'whisper',
      { task: 'transcribe', duration: 8.5, text: 'hi' },
      0.001 + 0.00085,
    ],
    [
      'the duration before a long text',
      'whisper',
      { task: 'transcribe', duration: 8.5, text: 'hi '.repeat(10_000), segments: [] },
      0.001 + 0.00085,
    ],
    [
      'its tokens, if it reports them',
      'gpt-transcribe',
      { text: 'hi', usage: { type: 'tokens', input_tokens: 100, output_tokens: 20, total_tokens: 120 } },
      (100 * 3 + 20 * 15) / 1e6,
    ],
  ] as const) {
    it(`of a transcription is by ${name}`, async (t) => {
      const { endpoint, send } = await start(t, 'openai')
      endpoint.answer = () => ({ body: answered })
      near((await send('/v1/audio/transcriptions', audio(model, 50_000), model)).cost, cost)
    })
  }

  it('of a transcription without a duration is by the size of the upload', async (t) => {
    const { endpoint, send } = await start(t, 'openai')
    endpoint.answer = () => ({ body: 'hi', headers: { 'content-type': 'text/plain' } })
    const { cost } = await send('/v1/audio/transcriptions', audio('whisper', 160_000), 'whisper')
    // Ten seconds at 128 kbit/s, and a little for the form around the file.
    assert.ok(cost >= 0.001 + 0.001 && cost < 0.0021, String(cost))
  })

  it('is counted apart without a price', async (t) => {
    const { endpoint, send, admin } = await start(t, 'openai')
    const { whole } = operations[0] ?? assert.fail()
    endpoint.answer = () => ({ body: whole })
    const costOf = async (model: string) => {
      const { cost, unpriced } = await send('/v1/chat/completions', { messages }, model)
      return [cost > 0, unpriced]
    }
    assert.deepEqual(await costOf('priced'), [true, 0])
    assert.deepEqual(await costOf('free'), [false, 0])
    assert.deepEqual(await costOf('unknown'), [false, 1])
    const { total } = (await admin('GET', '/usage')).body as { total: Row }
    near(total.cost, withCache)
    assert.equal(total.unpriced, 1)
  })

  it('is nothing for a free model, and unknown without a price: a budget in money refuses only that', async (t) => {
    const { endpoint, send, admin } = await start(t, 'openai', [{ amount: 1e-8, period: 'day' }])
    const { whole } = operations[0] ?? assert.fail()
    endpoint.answer = () => ({ body: whole })
    const free = await send('/v1/chat/completions', { messages }, 'free')
    assert.deepEqual([free.cost, free.completion_tokens], [0, 200])
    await assert.rejects(send('/v1/chat/completions', { messages }, 'unknown'), /has no price/)
    await assert.rejects(send('/v1/chat/completions', { messages }, 'priced'), /429|budget/)
    const { total } = (await admin('GET', '/usage')).body as { total: Row }
    assert.equal(total.cost, 0)
  })
})
