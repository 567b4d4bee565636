import type { AnswerForm } from '../contract/answer-form.ts'
import type { DialectErrors } from '../contract/dialect.ts'
import { brokenAnswer } from '../hub/answer/answer-builder.ts'
import type { AnswerFailure } from '../hub/contract/answer.ts'
import type { WholeCall, WholeRequest } from '../hub/contract/whole.ts'
import type { WholeFormat } from '../hub/exchange/exchange-format.ts'
import { failureInText } from '../hub/parts/failure.ts'
import { failureError } from '../openai/errors/failure-error.ts'
import type { GatheredAnswer, RequestVariant, WholeAnswer } from '../variants/request-variant.ts'

import { isEncoded } from './encoded-answer.ts'

/** A request of one format for an endpoint that has another one of the same family. */
export interface WholeExchange<Request extends WholeRequest, Answer> {
  readonly client: WholeFormat<Request, Answer>
  readonly endpoint: WholeFormat<Request, Answer>
  readonly call: WholeCall<Request>
  /** Path at the endpoint; default that of its format. */
  readonly path?: string | undefined
  /** The endpoint's name for the model. */
  readonly sentModel: string
  /** Of the client's dialect, and the form that its answer would have. */
  readonly errors: DialectErrors
  readonly form: AnswerForm
  /** `X-Olla-Mode`. */
  readonly mode?: string | undefined
}

/** Largest answer that is read: 2,048 vectors of 4,096 numbers are about 90 MB. */
const maxAnswerBytes = 134_217_728
/** An error is at the beginning of what is not JSON. */
const maxErrorCharacters = 16_384
const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
const requestHead = ['Content-Type', 'application/json', 'Accept', 'application/json']

/**
 * The request in the endpoint's format, and its answer in the client's. An error with a status of 400 or more is not
 * changed here, because every error is converted to the client's dialect.
 */
export function wholeVariant<Request extends WholeRequest, Answer>(
  exchange: WholeExchange<Request, Answer>,
): RequestVariant {
  const { endpoint, call, path, sentModel, mode } = exchange
  return {
    path: path ?? endpoint.path,
    query: '',
    body: Buffer.from(JSON.stringify(endpoint.writeRequest(call.request, sentModel))),
    headers: requestHead,
    ...(mode === undefined ? {} : { mode }),
    answer: (head) => (head.statusCode >= 400 ? undefined : new GatheredExchange(exchange, isEncoded(head))),
  }
}

class GatheredExchange<Request extends WholeRequest, Answer> implements GatheredAnswer {
  readonly #exchange: WholeExchange<Request, Answer>
  readonly #isEncoded: boolean
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(exchange: WholeExchange<Request, Answer>, encoded: boolean) {
    this.#exchange = exchange
    this.#isEncoded = encoded
  }

  get isOver(): boolean {
    return this.#isEncoded || this.#bytes > maxAnswerBytes
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.isOver) this.#chunks = []
    else this.#chunks.push(chunk)
  }

  end(): WholeAnswer {
    const written = this.#write()
    if (typeof written === 'string') {
      return { statusCode: 200, headers: jsonHead, body: Buffer.from(written) }
    }
    const { errors, form } = this.#exchange
    // Every dialect converts OpenAI's form to its own.
    const body = JSON.stringify({ error: failureError(written) })
    const own = errors.translate(form, written.statusCode, body) ?? body
    return { statusCode: written.statusCode, headers: jsonHead, body: Buffer.from(own) }
  }

  #write(): string | AnswerFailure {
    if (this.#isEncoded) {
      return brokenAnswer('The endpoint compressed its answer, which the request did not accept.')
    }
    if (this.#bytes > maxAnswerBytes) return brokenAnswer('The answer of the endpoint is too large.')
    const text = Buffer.concat(this.#chunks, this.#bytes).toString('utf8')
    this.#chunks = []
    try {
      return this.#translate(JSON.parse(text))
    } catch (error) {
      if (error instanceof SyntaxError) {
        const reported = failureInText(text.slice(0, maxErrorCharacters))
        return reported ?? brokenAnswer('The endpoint sent something that is not JSON.')
      }
      if (!(error instanceof RangeError)) throw error
      return brokenAnswer('The endpoint sent something that is nested too deeply or too long.')
    }
  }

  #translate(value: unknown): string | AnswerFailure {
    const { client, endpoint, call } = this.#exchange
    const reading = endpoint.readAnswer(value, call.request)
    return 'answer' in reading ? client.writeAnswer(reading.answer, call) : reading.failure
  }
}
