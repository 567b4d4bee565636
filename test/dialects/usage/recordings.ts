/** Answers as each type of server writes them. */

const sse = (...events: readonly object[]) =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const named = (...events: readonly { type: string; [key: string]: unknown }[]) =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
const lines = (...events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('')

const chunk = (delta: object, rest: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null }],
  ...rest,
})
const usage = (cached?: number) => ({
  prompt_tokens: 21,
  total_tokens: 24,
  completion_tokens: 3,
  ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
})
const done = 'data: [DONE]\n\n'

/** vLLM with usage requested; the text quotes JSON. */
export const vllmChat =
  sse(
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'say' }),
    chunk({ content: ' "usage":' }),
    chunk({ content: '{"prompt_tokens":7}' }),
    chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({}, { choices: [], usage: usage(16) }),
  ) + done

/** OpenAI with usage requested: every other event has `null`. */
export const openAiChat =
  sse(
    chunk({ role: 'assistant', content: '', refusal: null }, { usage: null, obfuscation: 'x' }),
    chunk({ content: 'a' }, { usage: null, obfuscation: 'xy' }),
    chunk({ content: 'b' }, { usage: null, obfuscation: '' }),
    chunk({ content: 'c' }, { usage: null, obfuscation: 'xyz' }),
    chunk({}, { usage: null, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({}, { choices: [], usage: usage(0), obfuscation: '' }),
  ) + done

/** Python's json.dumps, comments between events, CRLF. */
export const spacedChat = `${[
  ': ping',
  'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant", "content": ""}}]}',
  'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "one"}}]}',
  ': ping',
  'data: {"object": "chat.completion.chunk", "choices": [{"delta": {"content": " two"}}]}',
  'data: {"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}',
  'data: [DONE]',
].join('\r\n\r\n')}\r\n\r\n`

/** Reasoning, then a tool call in parts. */
export const toolCallChat = sse(
  chunk({ role: 'assistant', content: null }),
  chunk({ reasoning_content: 'hm' }),
  chunk({ tool_calls: [{ index: 0, id: 'call_1', function: { name: 'f', arguments: '' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"usage":{"prompt_tokens":9}}' } }] }),
  chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }),
  chunk({}, { choices: [], usage: usage() }),
)

/** llama.cpp without usage requested: the last event has its timings. */
export const llamaCppChat =
  sse(
    chunk({ role: 'assistant', content: null }),
    chunk({ content: 'a' }),
    chunk({ content: 'b' }),
    chunk(
      {},
      {
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
        timings: { cache_n: 100, prompt_n: 12, prompt_ms: 60.5, predicted_n: 2, predicted_ms: 40 },
      },
    ),
  ) + done

/** llama.cpp's own API. */
export const llamaCppCompletion = sse(
  { index: 0, content: 'a', tokens: [], stop: false, id_slot: 0, tokens_predicted: 1, tokens_evaluated: 4 },
  { index: 0, content: 'b', tokens: [], stop: false, id_slot: 0, tokens_predicted: 2, tokens_evaluated: 4 },
  {
    index: 0,
    content: '',
    stop: true,
    tokens_predicted: 2,
    tokens_evaluated: 4,
    timings: { prompt_n: 4, prompt_ms: 10, predicted_n: 2, predicted_ms: 20 },
  },
)

/** Usage in the last event with text. */
export const usageBesideText = sse(chunk({ content: 'a' }), chunk({ content: 'b' }, { usage: usage(4) }))

export const textCompletion =
  sse(
    { id: 'cmpl-1', object: 'text_completion', choices: [{ text: 'a', index: 0 }] },
    { id: 'cmpl-1', object: 'text_completion', choices: [{ text: 'b', index: 0, finish_reason: 'stop' }] },
    { id: 'cmpl-1', object: 'text_completion', choices: [], usage: usage() },
  ) + done

export const responses = named(
  { type: 'response.created', response: { id: 'resp_1', output: [], usage: null } },
  { type: 'response.output_item.added', item: { type: 'message', content: [] } },
  { type: 'response.output_text.delta', delta: 'a' },
  { type: 'response.output_text.delta', delta: 'b' },
  { type: 'response.output_text.done', text: 'ab' },
  {
    type: 'response.completed',
    response: {
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'ab' }] }],
      usage: { input_tokens: 30, input_tokens_details: { cached_tokens: 20 }, output_tokens: 2 },
    },
  },
)

export const anthropic = named(
  {
    type: 'message_start',
    message: {
      id: 'msg_1',
      content: [],
      usage: {
        input_tokens: 10,
        cache_creation_input_tokens: 5,
        cache_read_input_tokens: 85,
        output_tokens: 1,
      },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'ping' },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'b' } },
  { type: 'content_block_stop', index: 0 },
  {
    type: 'content_block_start',
    index: 1,
    content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
  },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '' } },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"a":1}' } },
  { type: 'content_block_stop', index: 1 },
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 15 } },
  { type: 'message_stop' },
)

const ollamaEnd = {
  done: true,
  done_reason: 'stop',
  total_duration: 5_000_000_000,
  load_duration: 1_500_000_000,
  prompt_eval_count: 26,
  prompt_eval_duration: 250_000_000,
  eval_count: 4,
  eval_duration: 200_000_000,
}

export const ollamaChat = lines(
  { model: 'm', created_at: 't', message: { role: 'assistant', content: 'a' }, done: false },
  { model: 'm', created_at: 't', message: { role: 'assistant', content: '', thinking: 'b' }, done: false },
  { model: 'm', created_at: 't', message: { role: 'assistant', content: 'c' }, done: false },
  { model: 'm', created_at: 't', message: { role: 'assistant', content: '' }, ...ollamaEnd },
)

/** With Ollama's `context`, which is larger than the buffer for an event in several chunks. */
export const ollamaGenerate = lines(
  { model: 'm', created_at: 't', response: 'a', done: false },
  { model: 'm', created_at: 't', response: 'b', done: false },
  { model: 'm', response: '', context: Array.from({ length: 40_000 }, (_, index) => index), ...ollamaEnd },
)

/** Answers that are one JSON text; the text quotes the keys. */
export const chatJson = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'the key "usage": {"prompt_tokens": 1}' } }],
  usage: usage(16),
  system_fingerprint: null,
})
export const ollamaJson = JSON.stringify({
  model: 'm',
  message: { role: 'assistant', content: 'a' },
  ...ollamaEnd,
})
export const anthropicJson = JSON.stringify(
  {
    type: 'message',
    content: [{ type: 'text', text: 'abc' }],
    usage: { input_tokens: 10, cache_read_input_tokens: 85, output_tokens: 15 },
  },
  undefined,
  2,
)
