import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { invalidResponse } from '../http1/errors.ts'
import type { Attempt } from './attempt.ts'
import { headerPairs } from './header-shapes.ts'

/**
 * What undici tells of one request, as its attempt is told it. The bytes come when undici has read them: a stream
 * between the two cost a tenth of a chat's CPU (`docs/performance.md`).
 */
export class UndiciAnswer implements Dispatcher.DispatchHandler {
  readonly #attempt: Attempt
  readonly #onHead: (answer: UndiciAnswer) => void
  #statusCode = 0
  #headers: IncomingHttpHeaders = {}
  #controller: Dispatcher.DispatchController | undefined

  /** @param onHead called when the head has come, for `begin` to be called before it returns */
  constructor(attempt: Attempt, onHead: (answer: UndiciAnswer) => void) {
    this.#attempt = attempt
    this.#onHead = onHead
  }

  get statusCode(): number {
    return this.#statusCode
  }

  /** Tells the attempt of the head. */
  begin(): void {
    // Made here, not where the abort is made: the two together kept finished requests alive through young collections
    // (100 MB of heap in the first seconds of 64 connections, 40 MB so; Node 24).
    this.#attempt.onHeaders(this.#statusCode, headerPairs(this.#headers), () => this.#controller?.resume())
  }

  /** Where nobody wants the answer. */
  destroy(): void {
    this.#attempt.cancel()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#attempt.onConnect((error = new Error('aborted')) => controller.abort(error))
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (statusCode < 200) return
    if (statusCode > 599) {
      // Undici takes any three digits; of no class it is invalid (RFC 9110 section 15).
      controller.abort(invalidResponse('status of no class'))
      return
    }
    this.#statusCode = statusCode
    this.#headers = headers
    this.#onHead(this)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#attempt.onData(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#attempt.onComplete()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#attempt.onError(error)
  }
}
