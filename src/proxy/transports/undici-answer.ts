import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ConnectionReuse, type WatchedOptions } from '../../endpoints/connections/reused-connection.ts'
import { maxInterimAnswers } from '../../http/client/contract.ts'
import { invalidResponse } from '../../http/client/errors.ts'
import { headerPairs } from '../../http/headers/header-shapes.ts'
import type { CarriedAttempt, UpstreamRequest } from '../contract/transport.ts'

/**
 * Forwards undici's callbacks for one request to its attempt. The attempt gets chunks as undici reads them: a stream in
 * between cost a tenth of a chat's CPU (`docs/performance.md`).
 */
export class UndiciAnswer implements Dispatcher.DispatchHandler {
  readonly #attempt: CarriedAttempt
  readonly #reopen: UpstreamRequest['reopen']
  readonly #reuse = new ConnectionReuse()
  /** The request, while it can still be resent because its connection was stale. */
  #sent: WatchedOptions | undefined
  #interimAnswers = 0
  #statusCode = 0
  #controller: Dispatcher.DispatchController | undefined

  /** @param reopen reopens a stream body; without it, such a request is sent once only */
  constructor(attempt: CarriedAttempt, reopen?: UpstreamRequest['reopen']) {
    this.#attempt = attempt
    this.#reopen = reopen
  }

  /** @returns the options to dispatch the request with */
  watch(options: Omit<WatchedOptions, 'reuse'>): WatchedOptions {
    const watched = { ...options, reuse: this.#reuse }
    this.#sent = watched
    return watched
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
      if (++this.#interimAnswers > maxInterimAnswers)
        controller.abort(invalidResponse('too many interim answers'))
      return
    }
    if (statusCode > 599) {
      // undici accepts any three digits; RFC 9110 section 15 defines no class above 5xx.
      controller.abort(invalidResponse('status outside all classes'))
      return
    }
    this.#sent = undefined
    this.#statusCode = statusCode
    // Not next to the abort callback: V8 keeps the closures of one function in one context, and with both in it
    // finished requests survived young collections (100 MB of heap in the first seconds of 64 connections, 40 MB when
    // separate; Node 24).
    this.#attempt.onHeaders(statusCode, headerPairs(headers), () => this.#controller?.resume())
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#attempt.onData(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    const error = this.#statusCode < 400 ? this.#reuse.client?.socket?.errored : undefined
    // undici treats a reset as the end of an answer that ends with its connection. After a refusal it is one: the
    // kernel resets the connection of a server that closes without reading the request.
    if (error) this.#attempt.onError(error)
    else this.#attempt.onComplete()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#reuse.isOver = true
    // A 304 may carry the length that a 200 would have (RFC 9110 section 8.6); undici 7 waits for that many bytes.
    if (isLengthMismatch(error) && (this.#statusCode === 204 || this.#statusCode === 304))
      this.#attempt.onComplete()
    else if (!this.#resent(error)) this.#attempt.onError(error)
  }

  /** Resends a request whose reused connection was closed, on a new connection. */
  #resent(error: Error): boolean {
    const { client } = this.#reuse
    const sent = this.#sent
    // A new connection that ends as well was not stale.
    this.#sent = undefined
    if (sent === undefined || client === undefined) return false
    if (this.#attempt.isOver || !this.#reuse.isStale(error)) return false
    const options = sameAgain(sent, this.#reopen)
    if (options === undefined) return false
    client.onFreshConnection((fresh) => fresh.dispatch(options, this))
    return true
  }
}

function isLengthMismatch(error: NodeJS.ErrnoException): boolean {
  return error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
}

/** @returns undefined if the body is a stream that cannot be reopened */
function sameAgain(sent: WatchedOptions, reopen: UpstreamRequest['reopen']): WatchedOptions | undefined {
  if (!(sent.body instanceof Readable)) return sent
  return reopen === undefined ? undefined : { ...sent, body: reopen() }
}
