import { tokenLogprob } from './logprobs.ts'
import type { Frame } from './pace.ts'
import { engineFailure } from './plan.ts'
import type { JsonObject } from './request.ts'
import {
  itemBody,
  type OutputItem,
  outputItems,
  type ResponseFrame,
  responseBody,
  textPart,
} from './response-shape.ts'
import { around, token } from './route.ts'

/**
 * A response as the documented events, in their order and numbered.
 * @param completed receives the whole response at its end
 */
export function* responseEvents(
  frame: ResponseFrame,
  completed: (response: JsonObject) => void,
): Generator<Frame> {
  let sequence = 0
  const event = (type: string, data: JsonObject) => {
    const numbered = { type, sequence_number: sequence++, ...data }
    return `event: ${type}\ndata: ${JSON.stringify(numbered)}\n\n`
  }
  yield around(event('response.created', { response: responseBody(frame, undefined) }))
  yield around(event('response.in_progress', { response: responseBody(frame, undefined) }))
  const output: JsonObject[] = []
  let open: OutputItem | undefined
  const close = function* (item: OutputItem) {
    for (const [type, data] of endOf(item, frame, output.length)) yield around(event(type, data))
    const done = itemBody(item, frame, true)
    yield around(event('response.output_item.done', { output_index: output.length, item: done }))
    output.push(done)
  }
  let sent = 0
  for (const { item, text } of outputItems(frame)) {
    if (sent++ === frame.plan.errorAfter) {
      yield around(event('response.failed', { response: failed(frame, output) }))
      return
    }
    if (item !== open) {
      if (open !== undefined) yield* close(open)
      open = item
      const added = { output_index: output.length, item: itemBody(item, frame, false) }
      yield around(event('response.output_item.added', added))
      for (const [type, data] of beginningOf(item, frame, output.length)) yield around(event(type, data))
    }
    if (text === '') continue
    const [type, data] = deltaOf(item, text, frame, output.length)
    yield token(event(type, data))
  }
  if (open !== undefined) yield* close(open)
  const response = responseBody(frame, output)
  completed(response)
  yield around(event(`response.${String(response.status)}`, { response }))
}

type Part = readonly [type: string, data: JsonObject]

function beginningOf(item: OutputItem, { thoughts }: ResponseFrame, at: number): Part[] {
  const place = { item_id: item.id, output_index: at }
  if (item.kind === 'text') {
    const part = { type: 'output_text', text: '', annotations: [], logprobs: [] }
    return [['response.content_part.added', { ...place, content_index: 0, part }]]
  }
  if (item.kind === 'call') return []
  if (thoughts === 'content') {
    const part = { type: 'reasoning_text', text: '' }
    return [['response.content_part.added', { ...place, content_index: 0, part }]]
  }
  const part = { type: 'summary_text', text: '' }
  return [['response.reasoning_summary_part.added', { ...place, summary_index: 0, part }]]
}

function deltaOf(item: OutputItem, delta: string, frame: ResponseFrame, at: number): Part {
  const place = { item_id: item.id, output_index: at }
  if (item.kind === 'call') return ['response.function_call_arguments.delta', { ...place, delta }]
  if (item.kind === 'text') {
    const logprobs = frame.logprobs === undefined ? [] : [tokenLogprob(delta, frame.logprobs)]
    return ['response.output_text.delta', { ...place, content_index: 0, delta, logprobs }]
  }
  return frame.thoughts === 'content'
    ? ['response.reasoning_text.delta', { ...place, content_index: 0, delta }]
    : ['response.reasoning_summary_text.delta', { ...place, summary_index: 0, delta }]
}

function endOf(item: OutputItem, frame: ResponseFrame, at: number): Part[] {
  const place = { item_id: item.id, output_index: at }
  const text = item.pieces.join('')
  if (item.kind === 'call') {
    return [['response.function_call_arguments.done', { ...place, name: item.call?.name, arguments: text }]]
  }
  if (item.kind === 'text') {
    const part = textPart(item, frame)
    return [
      ['response.output_text.done', { ...place, content_index: 0, text, logprobs: part.logprobs }],
      ['response.content_part.done', { ...place, content_index: 0, part }],
    ]
  }
  if (frame.thoughts === 'content') {
    const part = { type: 'reasoning_text', text }
    return [
      ['response.reasoning_text.done', { ...place, content_index: 0, text }],
      ['response.content_part.done', { ...place, content_index: 0, part }],
    ]
  }
  const part = { type: 'summary_text', text }
  return [
    ['response.reasoning_summary_text.done', { ...place, summary_index: 0, text }],
    ['response.reasoning_summary_part.done', { ...place, summary_index: 0, part }],
  ]
}

function failed(frame: ResponseFrame, output: readonly JsonObject[]): JsonObject {
  return {
    ...responseBody(frame, output),
    status: 'failed',
    error: { code: 'server_error', message: engineFailure },
    incomplete_details: null,
    usage: null,
  }
}
