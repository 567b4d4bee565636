import { readFileSync } from 'node:fs'
import type { ExpectedAnswer } from '../../../../src/dialects/translate/messages-to-chat/answer/chat-reader.ts'
import { chatRequest } from '../../../../src/dialects/translate/messages-to-chat/request/chat-request.ts'
import type { ChatTraits } from '../../../../src/endpoints/profiles/chat-shape.ts'

export const fixture = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}`, import.meta.url))

export const plainTraits: ChatTraits = {
  reasoningField: 'none',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
}

/** Translates a Messages request to a chat request. */
export const translate = (request: object, traits: Partial<ChatTraits> = {}) =>
  chatRequest({ model: 'm', ...request }, 'native', { ...plainTraits, ...traits })

/** The messages of the translated request. */
export const messagesOf = (messages: object[], traits: Partial<ChatTraits> = {}) =>
  translate({ messages }, traits).messages as Record<string, unknown>[]

export const user = (content: unknown) => ({ role: 'user', content })
export const assistant = (content: unknown) => ({ role: 'assistant', content })

export function expectedAnswer(given: Partial<ExpectedAnswer> = {}): ExpectedAnswer {
  let calls = 0
  return {
    messageId: 'msg_1',
    model: 'asked',
    keepsModel: true,
    requestId: 'req',
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
