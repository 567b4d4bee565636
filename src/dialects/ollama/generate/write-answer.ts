import type { AnswerWriter } from '../../hub/contract/answer.ts'
import type { FormatCall } from '../../hub/format.ts'
import { AnswerBody } from '../parts/answer-body.ts'
import { AnswerLines } from '../parts/answer-lines.ts'
import { generateShape } from '../parts/answer-shape.ts'

/** Writes an answer of `/api/generate`. */
export function ollamaGenerateWriter(call: FormatCall): AnswerWriter {
  return call.isStream ? new AnswerLines(call, generateShape) : new AnswerBody(call, generateShape)
}
