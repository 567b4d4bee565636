import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { ConnectionReuse } from '../../endpoints/connections/reused-connection.ts'
import { invalidResponse } from '../../http/client/errors.ts'
import { mostInterimAnswers } from '../../http/client/response-reader.ts'
import { headerPairs } from '../../http/headers/header-shapes.ts'
import type { Attempt } from '../exchange/attempt.ts'

/**
 * What undici tells of one request, as its attempt is told it. The bytes come when undici has read them: a stream
 * between the two cost a tenth of a chat's CPU (`docs/performance.md`).
 */
export class UndiciAnswer implements Dispatcher.DispatchHandler {
  /** Goes with the request's options to the client that carries it. */
  readonly reuse = new ConnectionReuse()
  readonly #attempt: Attempt
  readonly #onHead: (answer: UndiciAnswer) => void
  #again: (() => Dispatcher.DispatchOptions | undefined) | undefined
  #statusCode = 0
  #interimAnswers = 0
  #headers: IncomingHttpHeaders = {}
  #controller: Dispatcher.DispatchController | undefined

  /**
   * @param onHead called when the head has come, for `begin` to be called before it returns
   * @param again the same request once more, where its connection was stale; undefined where that cannot be
   */
  constructor(
    attempt: Attempt,
    onHead: (answer: UndiciAnswer) => void,
    again?: () => Dispatcher.DispatchOptions | undefined,
  ) {
    this.#attempt = attempt
    this.#onHead = onHead
    this.#again = again
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

  /** Where the answer is not wanted. */
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
    if (statusCode < 200) {
      if (++this.#interimAnswers > mostInterimAnswers)
        controller.abort(invalidResponse('too many interim answers'))
      return
    }
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
    if (!this.#resent(error)) this.#attempt.onError(error)
  }

  /** A request that met the end of an idle connection goes out once more, on a fresh one. */
  #resent(error: Error): boolean {
    const { client } = this.reuse
    if (client === undefined || this.#attempt.isOver || !this.reuse.isStale(error)) return false
    const options = this.#again?.()
    // A fresh connection that ends as well was not stale.
    this.#again = undefined
    if (options === undefined) return false
    client.onFreshConnection((fresh) => fresh.dispatch(options, this))
    return true
  }
}
