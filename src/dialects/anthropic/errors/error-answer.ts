import { failedAnswer } from '../../hub/parts/failure.ts'
import type { GatheredAnswer, WholeAnswer } from '../../variants/request-variant.ts'
import type { RequestSize } from './context-sentence.ts'
import { failureError, isAnthropicError } from './upstream-error.ts'

/** Error bodies are small, and the beginning of a larger one suffices. */
const maxErrorBytes = 65_536

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']

/**
 * An endpoint's error in Anthropic's envelope. An error that already has it passes unchanged, unless it reports a full
 * context in other words than Anthropic's.
 */
export class ErrorAnswer implements GatheredAnswer {
  readonly #statusCode: number
  readonly #requestId: string
  readonly #size: (() => RequestSize) | undefined
  readonly #chunks: Buffer[] = []
  #bytes = 0

  /**
   * @param requestId for the body, as Anthropic includes it
   * @param size what is known of the request; called only if the context is full
   */
  constructor(statusCode: number, requestId: string, size?: () => RequestSize) {
    this.#statusCode = statusCode
    this.#requestId = requestId
    this.#size = size
  }

  /** For an answer that is not readable. Its content is ignored. */
  static unreadable(requestId: string): GatheredAnswer {
    const error = {
      type: 'api_error',
      message: 'The endpoint compressed its answer, which the request did not accept.',
    }
    return {
      isOver: true,
      push: () => undefined,
      end: () => ({
        statusCode: 502,
        headers: jsonHead,
        body: Buffer.from(JSON.stringify({ type: 'error', error, request_id: requestId })),
      }),
    }
  }

  get isOver(): boolean {
    return this.#bytes >= maxErrorBytes
  }

  push(chunk: Buffer): void {
    if (this.isOver) return
    this.#chunks.push(chunk.subarray(0, maxErrorBytes - this.#bytes))
    this.#bytes += chunk.length
  }

  end(): WholeAnswer {
    const body = Buffer.concat(this.#chunks)
    const text = body.toString('utf8')
    if (isAnthropicError(text)) return { statusCode: this.#statusCode, headers: jsonHead, body }
    const failure = failedAnswer(this.#statusCode, text)
    const error = failureError(failure, this.#size)
    return {
      statusCode: failure.statusCode,
      headers: jsonHead,
      body: Buffer.from(JSON.stringify({ type: 'error', error, request_id: this.#requestId })),
    }
  }
}
