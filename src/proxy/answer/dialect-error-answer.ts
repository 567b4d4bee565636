import { errorInDialect, statusInDialect } from '../../dialects/answers/dialect-error.ts'
import type { AnswerOperation } from '../../dialects/answers/operation.ts'
import type { GatheredAnswer, WholeAnswer } from '../../dialects/requests/request-variant.ts'
import type { Dialect } from '../../kernel/errors.ts'

/** Error bodies are small; of a larger one the beginning says enough. */
const maxErrorBytes = 65_536

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
const noHeaders: readonly string[] = []

/** An endpoint's error in the client's dialect. One that comes in it is passed on byte for byte. */
export class DialectErrorAnswer implements GatheredAnswer {
  readonly #dialect: Dialect
  readonly #operation: AnswerOperation
  readonly #statusCode: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(dialect: Dialect, operation: AnswerOperation, statusCode: number) {
    this.#dialect = dialect
    this.#operation = operation
    this.#statusCode = statusCode
  }

  push(chunk: Buffer): void {
    if (this.#bytes >= maxErrorBytes) return
    this.#chunks.push(chunk.subarray(0, maxErrorBytes - this.#bytes))
    this.#bytes += chunk.length
  }

  end(): WholeAnswer {
    const body = Buffer.concat(this.#chunks)
    const text = body.toString('utf8')
    const statusCode = statusInDialect(this.#dialect, this.#operation, this.#statusCode, text)
    const told = errorInDialect(this.#dialect, this.#operation, statusCode, text)
    if (told === undefined) return { statusCode, headers: noHeaders, body }
    return { statusCode, headers: jsonHead, body: Buffer.from(told) }
  }
}
