import { MessagesReader } from '../../../../src/dialects/anthropic/messages/answer/read-answer.ts'
import type { Expected } from '../../../../src/dialects/hub/answer/answer-builder.ts'
import { namedEvents, type ReadAnswer, record, recordWhole } from '../../hub/recording.ts'

export const readMessages: ReadAnswer = (builder) => new MessagesReader(builder)

export interface MessageEvent {
  readonly type: string
  readonly [key: string]: unknown
}

export const started = (usage: object = { input_tokens: 20, output_tokens: 1 }, message: object = {}) => ({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
    ...message,
  },
})
export const begun = (index: number, block: object) => ({
  type: 'content_block_start',
  index,
  content_block: block,
})
export const delta = (index: number, type: string, given: object) => ({
  type: 'content_block_delta',
  index,
  delta: { type, ...given },
})
export const stopped = (index: number) => ({ type: 'content_block_stop', index })
export const textOf = (index: number, ...texts: string[]): MessageEvent[] => [
  begun(index, { type: 'text', text: '' }),
  ...texts.map((text) => delta(index, 'text_delta', { text })),
  stopped(index),
]
export const thinkingOf = (index: number, thinking: string, signature = ''): MessageEvent[] => [
  begun(index, { type: 'thinking', thinking: '', signature: '' }),
  delta(index, 'thinking_delta', { thinking }),
  delta(index, 'signature_delta', { signature }),
  stopped(index),
]
export const callOf = (index: number, id: string, name: string, ...parts: string[]): MessageEvent[] => [
  begun(index, { type: 'tool_use', id, name, input: {} }),
  ...parts.map((partial_json) => delta(index, 'input_json_delta', { partial_json })),
  stopped(index),
]
export const ended = (
  reason: string | null = 'end_turn',
  usage: object | null = { output_tokens: 5 },
  sequence: string | null = null,
): MessageEvent[] => [
  { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: sequence }, usage },
  { type: 'message_stop' },
]

/** Reads the events of a stream. */
export const read = (events: readonly MessageEvent[], given: Partial<Expected> = {}) =>
  record(readMessages, [namedEvents(events)], given)

export const readWhole = (message: object, given: Partial<Expected> = {}) =>
  recordWhole(readMessages, message, given)
