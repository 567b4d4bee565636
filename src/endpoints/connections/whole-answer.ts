import type { ClientPool, ClientRequest, RequestHandler } from '../../http/client/contract.ts'

export interface WholeAnswer {
  readonly statusCode: number
  /** Flat name/value pairs, as received. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

export interface WholeAnswerOptions {
  /** Ends the request. */
  readonly signal: AbortSignal
  /** Maximum bytes of the body to read. */
  readonly maxBytes: number
  /** Whether only the status matters: the body is then not kept, and a longer one ends with its connection. */
  readonly dropsBody: boolean
}

/** The body is longer than `maxBytes`. */
export class BodyTooLargeError extends Error {}

/** Sends a request and reads its answer whole. Rejects with what the client, the signal or the limit reports. */
export function wholeAnswer(
  pool: Pick<ClientPool, 'send'>,
  request: ClientRequest,
  options: WholeAnswerOptions,
): Promise<WholeAnswer> {
  const { signal } = options
  if (signal.aborted) return Promise.reject(signal.reason)
  const { promise, resolve, reject } = Promise.withResolvers<WholeAnswer>()
  const collector = new AnswerCollector(options, resolve, reject)
  const onAbort = () => collector.fail(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    pool.send(request, collector)
  } catch (error) {
    reject(error)
  }
  return promise.finally(() => signal.removeEventListener('abort', onAbort))
}

class AnswerCollector implements RequestHandler {
  readonly #options: WholeAnswerOptions
  readonly #resolve: (answer: WholeAnswer) => void
  readonly #reject: (error: unknown) => void
  readonly #chunks: Buffer[] = []
  #statusCode = 0
  #headers: readonly string[] = []
  #bytes = 0
  #isOver = false
  #abort: ((error?: Error) => void) | undefined

  constructor(
    options: WholeAnswerOptions,
    resolve: (answer: WholeAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Ends the request and closes its connection. */
  fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reject(error)
    this.#abort?.()
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#isOver) abort()
    else this.#abort = abort
  }

  onHeaders(statusCode: number, headers: readonly string[]): void {
    if (statusCode < 200) return
    this.#statusCode = statusCode
    this.#headers = headers
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true
    const { maxBytes, dropsBody } = this.#options
    this.#bytes += chunk.length
    if (this.#bytes <= maxBytes) {
      if (!dropsBody) this.#chunks.push(chunk)
    } else if (dropsBody) {
      this.onComplete()
      this.#abort?.()
    } else this.fail(new BodyTooLargeError(`answer larger than ${maxBytes} bytes`))
    return true
  }

  onComplete(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#resolve({
      statusCode: this.#statusCode,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
    })
  }

  onError(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reject(error)
  }
}
