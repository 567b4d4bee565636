import type { AnswerWriter } from '../../../hub/contract/answer.ts'
import type { FormatCall } from '../../../hub/format.ts'
import { ChatBody } from './chat-body.ts'
import { ChatChunks } from './chat-chunks.ts'
import { chatCall } from './chat-shape.ts'

export function chatWriter(call: FormatCall): AnswerWriter {
  return call.isStream ? new ChatChunks(chatCall(call)) : new ChatBody(chatCall(call))
}
