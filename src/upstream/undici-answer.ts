import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Attempt } from './attempt.ts'
import { headerPairs } from './header-shapes.ts'

/**
 * What undici tells of one request, as its attempt is told it. The bytes come when undici has read them: a stream
 * between the two cost 14 % of a chat's CPU (`docs/performance.md`).
 */
export class UndiciAnswer implements Dispatcher.DispatchHandler {
  readonly attempt: Attempt
  /** Called when the head has come, which has to be taken by `begin` before it returns. */
  onHead: (statusCode: number) => void = () => {}
  #statusCode = 0
  #headers: IncomingHttpHeaders = {}
  #resume = () => {}

  constructor(attempt: Attempt) {
    this.attempt = attempt
  }

  /** Tells the attempt of the head. */
  begin(): void {
    this.attempt.onHeaders(this.#statusCode, headerPairs(this.#headers), this.#resume)
  }

  /** Where nobody wants the answer. */
  destroy(): void {
    this.attempt.cancel()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#resume = () => controller.resume()
    this.attempt.onConnect((error = new Error('aborted')) => controller.abort(error))
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: IncomingHttpHeaders): void {
    if (statusCode < 200) return
    this.#statusCode = statusCode
    this.#headers = headers
    this.onHead(statusCode)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.attempt.onData(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.attempt.onComplete()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.attempt.onError(error)
  }
}
