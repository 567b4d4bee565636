import { type JsonObject, objectField } from '../../../kernel/json/json-fields.ts'
import type { AnswerBuilder } from '../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../hub/answer/answer-reader.ts'
import { LineContent } from '../parts/line-content.ts'

const noMessage: JsonObject = {}

/** Reads an answer of `/api/chat`, whole or line by line. */
export class OllamaChatReader implements AnswerReader {
  readonly #content: LineContent

  constructor(builder: AnswerBuilder) {
    this.#content = new LineContent(builder)
  }

  push(value: JsonObject, _eventName: string, isWhole: boolean): void {
    this.#content.push(value, objectField(value, 'message') ?? noMessage, 'content', isWhole)
  }
}
