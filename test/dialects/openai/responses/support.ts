import assert from 'node:assert/strict'
import type { AnswerBuilder, Expected } from '../../../../src/dialects/hub/answer/answer-builder.ts'
import {
  type AnswerTranslation,
  translateAnswer,
} from '../../../../src/dialects/hub/answer/answer-translation.ts'
import type { Conversation } from '../../../../src/dialects/hub/contract/conversation.ts'
import type { FormatCall } from '../../../../src/dialects/hub/format.ts'
import { ChatReader } from '../../../../src/dialects/openai/chat/answer/read-answer.ts'
import { responsesWriter } from '../../../../src/dialects/openai/responses/answer/write-answer.ts'
import { readResponsesRequest } from '../../../../src/dialects/openai/responses/request/read-request.ts'
import type { ResponseRequestsParts } from '../../../../src/dialects/openai/responses/response-requests.ts'
import { EventAnswer } from '../../../../src/dialects/openai/responses/store/event-answer.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

export const startMs = 1_700_000_000_000

/** Reads a request with this input. */
export const read = (input: unknown, others: object = {}): Conversation =>
  readResponsesRequest({ model: 'm', input, ...others })

export const message = (role: string, content: unknown) => ({ type: 'message', role, content })

export function callOf(request: JsonObject, given: Partial<FormatCall> = {}): FormatCall {
  let ids = 0
  return {
    conversation: readResponsesRequest(request),
    request,
    requestId: 'req',
    isStream: request.stream === true,
    newId: (prefix) => `${prefix}_${++ids}`,
    nowMs: () => startMs,
    monotonicMs: () => 0,
    ...given,
  }
}

/** A chunk of a streamed chat completion. */
export function chunk(delta: object, finishReason: string | null = null, beside: object = {}): object {
  return { model: 'm', choices: [{ index: 0, delta, finish_reason: finishReason }], ...beside }
}

export const callDelta = (index: number, id: string | undefined, name: string | undefined, args: string) =>
  chunk({ tool_calls: [{ index, ...(id === undefined ? {} : { id }), function: { name, arguments: args } }] })

export const usage = (prompt: number, completion: number, beside: object = {}) => ({
  usage: { prompt_tokens: prompt, completion_tokens: completion, ...beside },
})

export const toSse = (chunks: readonly object[], end = 'data: [DONE]\n\n'): Buffer =>
  Buffer.from(chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('') + end)

/** Translates a streamed chat completion for a client with this request. */
export function translation(request: object, given: Partial<FormatCall> = {}): AnswerTranslation {
  const call = callOf({ model: 'm', input: 'Hi', ...request }, given)
  let calls = 0
  const expected: Expected = {
    model: 'm',
    keepsModel: false,
    stopSequences: [],
    dropsThinking: false,
    hasRefusals: true,
    promptTokens: 7,
    newCallId: () => `call_${++calls}`,
    callIds: [],
    toolNames: [],
    reasoningField: 'reasoning_content',
    endpointMark: '',
  }
  const format = { readAnswer: (builder: AnswerBuilder) => new ChatReader(builder) }
  return translateAnswer('sse', format, responsesWriter(call), expected, !call.isStream)
}

export function answer(
  request: object,
  chunks: readonly object[],
  end?: string,
  given: Partial<FormatCall> = {},
): string {
  const translated = translation(request, given)
  return Buffer.concat([translated.push(toSse(chunks, end)), translated.end()]).toString()
}

/** The events of a streamed response. */
export const events = (request: object, chunks: readonly object[], end?: string): ResponseEvent[] =>
  readEvents(answer({ ...request, stream: true }, chunks, end))

/** A response that is not streamed. */
export const whole = (request: object, chunks: readonly object[], end?: string): Response =>
  JSON.parse(answer(request, chunks, end))

export interface Item extends JsonObject {
  readonly id: string
  readonly type: string
}

export interface Response extends JsonObject {
  readonly id: string
  readonly status: string
  readonly output: readonly Item[]
}

export interface ResponseEvent {
  readonly type: string
  readonly sequence_number: number
  readonly output_index?: number
  readonly item_id?: string
  readonly item?: Item
  readonly response?: Response
  readonly delta?: string
  readonly [key: string]: unknown
}

/** Fails if an event's name and type differ. */
export function readEvents(text: string): ResponseEvent[] {
  if (text === '') return []
  if (!text.endsWith('\n\n')) throw new Error('the stream ends inside an event')
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((block) => {
      const [head = '', data = '', ...rest] = block.split('\n')
      const event = JSON.parse(data.slice('data: '.length)) as ResponseEvent
      if (head !== `event: ${event.type}` || rest.length > 0) throw new Error(`badly framed: ${block}`)
      return event
    })
}

export const typesOf = (list: readonly ResponseEvent[]) => list.map(({ type }) => type)

/** An answer that is not a stream. */
export function notStreamed(answered: JsonObject | EventAnswer | undefined): JsonObject | undefined {
  assert.ok(!(answered instanceof EventAnswer))
  return answered
}

/** No response is made in the background. */
export const noBackground: ResponseRequestsParts['background'] = {
  clock: new FakeClock(),
  peers: { threads: 1, requestAll: async () => [], on: () => () => {} },
  maxRuns: 0,
  maxBytes: 0,
}
