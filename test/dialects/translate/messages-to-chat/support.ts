import { readFileSync } from 'node:fs'
import type { RequestSize } from '../../../../src/dialects/anthropic/errors/context-sentence.ts'
import { failureError } from '../../../../src/dialects/anthropic/errors/upstream-error.ts'
import { messageWriter } from '../../../../src/dialects/anthropic/messages/answer/write-answer.ts'
import { readMessages } from '../../../../src/dialects/anthropic/messages/request/read-request.ts'
import type { Expected } from '../../../../src/dialects/hub/answer/answer-builder.ts'
import {
  type AnswerTranslation,
  translateAnswer as translateBetween,
} from '../../../../src/dialects/hub/answer/answer-translation.ts'
import type { AnswerFailure } from '../../../../src/dialects/hub/contract/answer.ts'
import { failedAnswer, failureIn, failureInText } from '../../../../src/dialects/hub/parts/failure.ts'
import { ChatReader } from '../../../../src/dialects/openai/chat/answer/read-answer.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'
import type { JsonObject } from '../../../../src/kernel/json/json-fields.ts'

export const fixture = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}`, import.meta.url))

export const plainTraits: ChatTraits = {
  reasoningField: 'none',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
}

/** Translates a Messages request to a chat request. */
export const translate = (request: object, traits: Partial<ChatTraits> = {}) =>
  writeChatRequest(readMessages({ model: 'm', ...request }), {
    model: 'native',
    traits: { ...plainTraits, ...traits },
  }).body

/** The messages of the translated request. */
export const messagesOf = (messages: object[], traits: Partial<ChatTraits> = {}) =>
  translate({ messages }, traits).messages as Record<string, unknown>[]

export const user = (content: unknown) => ({ role: 'user', content })
export const assistant = (content: unknown) => ({ role: 'assistant', content })

export interface ExpectedAnswer extends Expected, RequestSize {
  readonly messageId: string
  readonly requestId: string
  readonly promptTokens: number
  readonly thinking: 'requested' | 'default' | 'off'
}

export type AnswerFraming = 'stream' | 'whole'

/** Translates a chat completion to a message. */
export function translateAnswer(
  from: AnswerFraming,
  to: AnswerFraming,
  expected: ExpectedAnswer,
): AnswerTranslation {
  const call = { messageId: expected.messageId, requestId: expected.requestId, size: expected }
  const writer = messageWriter(call, to === 'stream', expected.thinking === 'default')
  return translateBetween(
    from === 'stream' ? 'sse' : 'whole',
    { readAnswer: (builder) => new ChatReader(builder) },
    writer,
    { ...expected, dropsThinking: expected.thinking === 'off' },
    to === 'whole',
  )
}

const anthropicError = (failure: AnswerFailure | undefined, size?: RequestSize | (() => RequestSize)) =>
  failure === undefined ? undefined : { statusCode: failure.statusCode, ...failureError(failure, size) }

/** An endpoint's error answer as Anthropic's API would report it. */
export const translateError = (
  statusCode: number,
  body: string,
  size?: RequestSize | (() => RequestSize),
) => {
  const failure = failedAnswer(statusCode, body)
  return { statusCode: failure.statusCode, ...failureError(failure, size) }
}

export const readUpstreamError = (value: JsonObject, size?: RequestSize) =>
  anthropicError(failureIn(value), size)

export const unreadAnswerError = (text: string, size?: RequestSize) =>
  anthropicError(failureInText(text), size)

export function expectedAnswer(given: Partial<ExpectedAnswer> = {}): ExpectedAnswer {
  let calls = 0
  return {
    messageId: 'msg_1',
    model: 'asked',
    keepsModel: true,
    requestId: 'req',
    dropsThinking: false,
    stopSequences: ['END'],
    thinking: 'requested',
    promptTokens: 7,
    callIds: [],
    toolNames: [],
    originalNames: undefined,
    reasoningField: 'none',
    endpointMark: '',
    newCallId: () => `toolu_new_${++calls}`,
    ...given,
  }
}

/** A chunk of a streamed chat completion. */
export function chunk(delta: object, finishReason: string | null = null, beside: object = {}): object {
  return { model: 'm', choices: [{ index: 0, delta, finish_reason: finishReason, ...beside }] }
}

export const toSse = (chunks: readonly object[], end = 'data: [DONE]\n\n'): Buffer =>
  Buffer.from(chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('') + end)

/** Chunks of bytes cut at the given offsets. */
export function cutBytes(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const offsets = [0, ...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return offsets.slice(1).map((end, index) => bytes.subarray(offsets[index], end))
}

export interface MessageEvent {
  readonly type: string
  readonly index?: number
  readonly [key: string]: unknown
}

/** The events of a message stream. Fails if an event's name and type differ. */
export function readEvents(text: string): MessageEvent[] {
  if (text === '') return []
  if (!text.endsWith('\n\n')) throw new Error('the stream ends inside an event')
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((block) => {
      const [head = '', data = '', ...rest] = block.split('\n')
      const event = JSON.parse(data.slice('data: '.length)) as MessageEvent
      if (head !== `event: ${event.type}` || rest.length > 0)
        throw new Error(`a badly framed event: ${block}`)
      return event
    })
}
