import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerBuilder } from '../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../hub/answer/answer-reader.ts'
import { LineContent } from '../parts/line-content.ts'

/** Reads an answer of `/api/generate`, whole or line by line. */
export class OllamaGenerateReader implements AnswerReader {
  readonly #content: LineContent

  constructor(builder: AnswerBuilder) {
    this.#content = new LineContent(builder)
  }

  push(value: JsonObject, _eventName: string, isWhole: boolean): void {
    this.#content.push(value, value, 'response', isWhole)
  }
}
