import type { AnswerWriter } from '../../../hub/contract/answer.ts'
import type { FormatCall } from '../../../hub/format.ts'
import { EventLog } from './event-log.ts'
import { ResponseWriter } from './response-writer.ts'

/** Writes an answer for a client of the Responses API. */
export function responsesWriter(call: FormatCall): AnswerWriter {
  return new ResponseWriter(call, call.isStream ? new EventLog() : undefined)
}
