import type { JsonObject } from '../../../kernel/json/json-fields.ts'

/** Reads the values of an answer in one format and hands what they mean to a builder. */
export interface AnswerReader {
  /**
   * Reads one event, one line, or a whole answer.
   * @param eventName '' if it has none
   * @param isWhole whether the value is a whole answer
   */
  push(value: JsonObject, eventName: string, isWhole: boolean): void
}
