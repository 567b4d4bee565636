import type { Expected } from '../../../../src/dialects/hub/answer/answer-builder.ts'
import { ResponsesReader } from '../../../../src/dialects/openai/responses/answer/read-answer.ts'
import { namedEvents, type ReadAnswer, record, recordWhole } from '../../hub/recording.ts'

export const readResponses: ReadAnswer = (builder) => new ResponsesReader(builder)

export interface ResponseEvent {
  readonly type: string
  readonly [key: string]: unknown
}

export const response = (given: object = {}) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  model: 'm',
  status: 'completed',
  error: null,
  incomplete_details: null,
  output: [],
  usage: {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 80 },
    output_tokens: 30,
    output_tokens_details: { reasoning_tokens: 9 },
    total_tokens: 130,
  },
  ...given,
})

export const created = (): ResponseEvent => ({
  type: 'response.created',
  response: response({ status: 'in_progress', usage: null }),
})
export const completed = (given: object = {}): ResponseEvent => ({
  type: 'response.completed',
  response: response(given),
})
export const messageItem = (id: string, ...texts: string[]) => ({
  id,
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: texts.map((text) => ({ type: 'output_text', text, annotations: [] })),
})
export const callItem = (id: string, callId: string, name: string, args: string) => ({
  id,
  type: 'function_call',
  call_id: callId,
  name,
  arguments: args,
  status: 'completed',
})
export const reasoningItem = (id: string, texts: readonly string[], given: object = {}) => ({
  id,
  type: 'reasoning',
  summary: [],
  content: texts.map((text) => ({ type: 'reasoning_text', text })),
  ...given,
})

const place = (index: number, id: string) => ({ output_index: index, item_id: id })

/** The events of an item whose content arrives in deltas. */
export function messageOf(index: number, id: string, ...texts: string[]): ResponseEvent[] {
  const at = { ...place(index, id), content_index: 0 }
  const text = texts.join('')
  const part = { type: 'output_text', text, annotations: [] }
  return [
    {
      type: 'response.output_item.added',
      output_index: index,
      item: { ...messageItem(id), status: 'in_progress' },
    },
    { type: 'response.content_part.added', ...at, part: { ...part, text: '' } },
    ...texts.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part },
    { type: 'response.output_item.done', output_index: index, item: messageItem(id, text) },
  ]
}

export function callOf(
  index: number,
  id: string,
  callId: string,
  name: string,
  ...parts: string[]
): ResponseEvent[] {
  const at = place(index, id)
  const args = parts.join('')
  return [
    { type: 'response.output_item.added', output_index: index, item: callItem(id, callId, name, '') },
    ...parts.map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
    { type: 'response.function_call_arguments.done', ...at, arguments: args },
    { type: 'response.output_item.done', output_index: index, item: callItem(id, callId, name, args) },
  ]
}

export function reasoningOf(index: number, id: string, given: object, ...texts: string[]): ResponseEvent[] {
  const at = { ...place(index, id), content_index: 0 }
  const text = texts.join('')
  return [
    { type: 'response.output_item.added', output_index: index, item: reasoningItem(id, []) },
    ...texts.map((delta) => ({ type: 'response.reasoning_text.delta', ...at, delta })),
    { type: 'response.reasoning_text.done', ...at, text },
    { type: 'response.output_item.done', output_index: index, item: reasoningItem(id, [text], given) },
  ]
}

export function customOf(index: number, id: string, callId: string, ...parts: string[]): ResponseEvent[] {
  const at = place(index, id)
  const item = { id, type: 'custom_tool_call', call_id: callId, name: 'patch', input: '' }
  const input = parts.join('')
  return [
    { type: 'response.output_item.added', output_index: index, item },
    ...parts.map((delta) => ({ type: 'response.custom_tool_call_input.delta', ...at, delta })),
    { type: 'response.custom_tool_call_input.done', ...at, input },
    { type: 'response.output_item.done', output_index: index, item: { ...item, input } },
  ]
}

/** Reads the events of a stream. */
export const read = (events: readonly ResponseEvent[], given: Partial<Expected> = {}) =>
  record(readResponses, [namedEvents(events.map((event, at) => ({ ...event, sequence_number: at })))], given)

export const readWhole = (body: object, given: Partial<Expected> = {}) =>
  recordWhole(readResponses, body, given)
