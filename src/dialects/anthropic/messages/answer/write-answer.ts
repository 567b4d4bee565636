import type { AnswerWriter } from '../../../hub/contract/answer.ts'
import { MessageBody } from './message-body.ts'
import { MessageEvents } from './message-events.ts'
import type { MessageCall } from './message-shape.ts'

/**
 * @param isStream whether the client receives events
 * @param putsTextFirst whether thinking follows the first text of a whole message
 */
export function messageWriter(call: MessageCall, isStream: boolean, putsTextFirst = false): AnswerWriter {
  return isStream ? new MessageEvents(call) : new MessageBody(call, putsTextFirst)
}
