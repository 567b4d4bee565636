import { anthropic } from '../../src/dialects/anthropic/index.ts'
import type { Dialect } from '../../src/dialects/contract/dialect.ts'
import { ollama } from '../../src/dialects/ollama/index.ts'
import { openai } from '../../src/dialects/openai/index.ts'

/** The events of one operation's stream as engines write them. */
export interface Beginning {
  readonly name: string
  readonly dialect: Dialect
  readonly path: string
  readonly type: string
  readonly request: Readonly<Record<string, unknown>>
  /** Events before the first content. */
  readonly idle: readonly string[]
  readonly ping: string
  readonly content: readonly string[]
  /** The end of an answer whose model stopped. */
  readonly end: string
  /** The end of an answer that reached its limit of tokens. */
  readonly atLimit: string
  readonly error: string
}

const sse = 'text/event-stream'
const ndjson = 'application/x-ndjson'
const event = (value: object, name?: string) =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`
const named = (type: string, value: object = {}) => event({ type, ...value }, type)
const line = (value: object) => `${JSON.stringify(value)}\n`

const chunk = (choice: object, object = 'chat.completion.chunk') =>
  event({ id: 'c', object, model: 'm', choices: [{ index: 0, logprobs: null, ...choice }] })
const usage = event({ id: 'c', model: 'm', choices: [], usage: { prompt_tokens: 3, completion_tokens: 0 } })
const done = 'data: [DONE]\n\n'
const openaiError = event({ error: { message: 'EngineDeadError', type: 'InternalServerError', code: 500 } })
const messages = [{ role: 'user', content: 'hello' }]

const message = (more: object) => ({
  message: { id: 'msg', type: 'message', role: 'assistant', model: 'm', content: [], ...more },
})
const response = (status: string, output: readonly object[] = []) => ({
  id: 'r',
  object: 'response',
  status,
  model: 'm',
  error: null,
  output,
})
const messageItem = { id: 'i', type: 'message', role: 'assistant', status: 'in_progress', content: [] }

export const beginnings: readonly Beginning[] = [
  {
    name: 'chat',
    dialect: openai,
    path: '/v1/chat/completions',
    type: sse,
    request: { model: 'm', messages, stream: true },
    idle: [
      chunk({ delta: { role: 'assistant', content: '', function_call: null }, finish_reason: null }),
      chunk({ delta: { content: null, reasoning_content: '' }, finish_reason: null }),
    ],
    ping: ': ping\n\n',
    content: [
      chunk({ delta: { content: 'Hi' }, finish_reason: null }),
      chunk({ delta: { reasoning_content: 'So' }, finish_reason: null }),
      chunk({ delta: { tool_calls: [{ index: 0, id: 't', function: { name: 'f' } }] } }),
      chunk({ delta: { refusal: 'No' }, finish_reason: null }),
      chunk({ delta: { audio: { id: 'a', data: 'AA' } }, finish_reason: null }),
      chunk({ delta: { content: '' }, logprobs: { content: [{ token: 'x', logprob: -1 }] } }),
    ],
    end: chunk({ delta: {}, finish_reason: 'stop', stop_reason: null }) + usage + done,
    atLimit: chunk({ delta: {}, finish_reason: 'length' }) + done,
    error: openaiError,
  },
  {
    name: 'completions',
    dialect: openai,
    path: '/v1/completions',
    type: sse,
    request: { model: 'm', prompt: 'hello', stream: true },
    idle: [chunk({ text: '', finish_reason: null }, 'text_completion')],
    ping: ': ping\n\n',
    content: [
      chunk({ text: 'Hi', finish_reason: null }, 'text_completion'),
      chunk({ text: '', logprobs: { tokens: ['x'], token_logprobs: [-1] } }, 'text_completion'),
    ],
    end: chunk({ text: '', finish_reason: 'stop' }, 'text_completion') + usage + done,
    atLimit: chunk({ text: '', finish_reason: 'length' }, 'text_completion') + done,
    error: openaiError,
  },
  {
    name: 'responses',
    dialect: openai,
    path: '/v1/responses',
    type: sse,
    request: { model: 'm', input: 'hello', stream: true },
    idle: [
      named('response.created', { response: response('in_progress') }),
      // vLLM writes the members in this order, and may leave out the name.
      event({ response: response('in_progress'), sequence_number: 1, type: 'response.in_progress' }),
      event({ item: messageItem, output_index: 0, sequence_number: 2, type: 'response.output_item.added' }),
      named('response.content_part.added', {
        item_id: 'i',
        part: { type: 'output_text', text: '', annotations: [], logprobs: [] },
      }),
    ],
    ping: ': ping\n\n',
    content: [
      named('response.output_text.delta', { item_id: 'i', delta: 'Hi' }),
      named('response.reasoning_summary_text.delta', { delta: 'So' }),
      event({
        item: { type: 'function_call', name: 'f', arguments: '' },
        type: 'response.output_item.added',
      }),
      named('response.refusal.delta', { delta: 'No' }),
    ],
    end: named('response.completed', { response: response('completed', [messageItem]) }),
    atLimit: named('response.incomplete', { response: response('incomplete') }),
    error: event({ type: 'error', code: 'server_error', message: 'EngineDeadError', param: null }, 'error'),
  },
  {
    name: 'messages',
    dialect: anthropic,
    path: '/v1/messages',
    type: sse,
    request: { model: 'm', max_tokens: 50, messages, stream: true },
    idle: [
      named('message_start', message({ stop_reason: null, usage: { input_tokens: 3, output_tokens: 1 } })),
      named('ping'),
      named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ],
    ping: named('ping'),
    content: [
      named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hi' } }),
      named('content_block_delta', { delta: { type: 'thinking_delta', thinking: 'So' } }),
      named('content_block_start', { content_block: { type: 'tool_use', name: 'f', input: {} } }),
    ],
    end:
      named('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }) +
      named('message_stop'),
    atLimit: named('message_delta', { delta: { stop_reason: 'max_tokens' } }) + named('message_stop'),
    error: event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'error'),
  },
  {
    name: 'Ollama chat',
    dialect: ollama,
    path: '/api/chat',
    type: ndjson,
    request: { model: 'm', messages },
    idle: [line({ model: 'm', message: { role: 'assistant', content: '', thinking: '' }, done: false })],
    ping: '\n',
    content: [
      line({ model: 'm', message: { role: 'assistant', content: 'Hi' }, done: false }),
      line({ model: 'm', message: { role: 'assistant', content: '', thinking: 'So' }, done: false }),
      line({ model: 'm', message: { content: '', tool_calls: [{ function: { name: 'f' } }] }, done: false }),
    ],
    end: line({ model: 'm', message: { content: '' }, done: true, done_reason: 'stop', eval_count: 1 }),
    atLimit: line({ model: 'm', message: { content: '' }, done: true, done_reason: 'length' }),
    error: line({ error: 'llama runner process has terminated' }),
  },
  {
    name: 'Ollama generate',
    dialect: ollama,
    path: '/api/generate',
    type: ndjson,
    request: { model: 'm', prompt: 'hello' },
    idle: [line({ model: 'm', response: '', done: false })],
    ping: '\n',
    content: [
      line({ model: 'm', response: 'Hi', done: false }),
      line({ model: 'm', response: '', thinking: 'So', done: false }),
    ],
    end: line({ model: 'm', response: '', done: true, done_reason: 'stop', eval_count: 1 }),
    atLimit: line({ model: 'm', response: '', done: true, done_reason: 'load' }),
    error: line({ error: 'llama runner process has terminated' }),
  },
]
