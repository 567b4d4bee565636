import type { AnswerForm } from '../../dialects/contract/answer-form.ts'
import type { Dialect } from '../../dialects/contract/dialect.ts'
import type { GatheredAnswer, WholeAnswer } from '../../dialects/variants/request-variant.ts'

/** Error bodies are small; the start of a larger one is enough. */
const maxErrorBytes = 65_536

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
const noHeaders: readonly string[] = []

/** An endpoint's error in the client's dialect. One that is in that dialect already is relayed byte for byte. */
export class DialectErrorAnswer implements GatheredAnswer {
  readonly #dialect: Dialect
  readonly #form: AnswerForm
  readonly #statusCode: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(dialect: Dialect, form: AnswerForm, statusCode: number) {
    this.#dialect = dialect
    this.#form = form
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
    const { errors } = this.#dialect
    const statusCode = errors.status(this.#form, this.#statusCode, text)
    const translated = errors.translate(this.#form, statusCode, text)
    if (translated === undefined) return { statusCode, headers: noHeaders, body }
    return { statusCode, headers: jsonHead, body: Buffer.from(translated) }
  }
}
