import type { GatheredAnswer, WholeAnswer } from '../upstream/request-variant.ts'
import { isAnthropicError, translateError } from './upstream-error.ts'

/** Error bodies are small; of a larger one the beginning says enough. */
const maxErrorBytes = 65_536

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']

/**
 * An endpoint's error in Anthropic's envelope. One that comes in it already is passed on byte for byte.
 * @param requestId told in the body, as Anthropic does
 */
export class ErrorAnswer implements GatheredAnswer {
  readonly #statusCode: number
  readonly #requestId: string
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(statusCode: number, requestId: string) {
    this.#statusCode = statusCode
    this.#requestId = requestId
  }

  /** An answer that cannot be read: what is in it is passed over. */
  static unreadable(requestId: string): GatheredAnswer {
    const error = { type: 'api_error', message: 'The endpoint compressed its answer unasked.' }
    return {
      push: () => undefined,
      end: () => ({
        statusCode: 502,
        headers: jsonHead,
        body: Buffer.from(JSON.stringify({ type: 'error', error, request_id: requestId })),
      }),
    }
  }

  push(chunk: Buffer): void {
    if (this.#bytes >= maxErrorBytes) return
    this.#chunks.push(chunk.subarray(0, maxErrorBytes - this.#bytes))
    this.#bytes += chunk.length
  }

  end(): WholeAnswer {
    const body = Buffer.concat(this.#chunks)
    const text = body.toString('utf8')
    return {
      statusCode: this.#statusCode,
      headers: jsonHead,
      body: isAnthropicError(text) ? body : this.#envelope(text),
    }
  }

  #envelope(text: string): Buffer {
    const error = translateError(this.#statusCode, text)
    return Buffer.from(JSON.stringify({ type: 'error', error, request_id: this.#requestId }))
  }
}
