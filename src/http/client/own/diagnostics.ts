/**
 * Diagnostics channels of the gateway's own client, with the messages of undici's channels of the same names
 * (`undici:request:create` and so on). Without a subscriber a request costs four property reads.
 */
import { channel } from 'node:diagnostics_channel'
import type { ClientRequest, RequestHandler } from '../contract.ts'

/** One request; all of its messages carry the same object. */
export interface PublishedRequest {
  /** Origin of the server: `https://host:port`. */
  readonly origin: string
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs, including credentials. */
  readonly headers: readonly string[]
}

const created = channel('olla-gateway:http-client:request:create')
const answered = channel('olla-gateway:http-client:request:headers')
const completed = channel('olla-gateway:http-client:request:trailers')
const failed = channel('olla-gateway:http-client:request:error')

/** @returns the handler itself if no channel has a subscriber */
export function publishing(origin: string, request: ClientRequest, handler: RequestHandler): RequestHandler {
  if (
    !created.hasSubscribers &&
    !answered.hasSubscribers &&
    !completed.hasSubscribers &&
    !failed.hasSubscribers
  )
    return handler
  const { method, path, headers } = request
  return new PublishingHandler({ origin, method, path, headers }, handler)
}

class PublishingHandler implements RequestHandler {
  readonly #request: PublishedRequest
  readonly #handler: RequestHandler

  constructor(request: PublishedRequest, handler: RequestHandler) {
    this.#request = request
    this.#handler = handler
    if (created.hasSubscribers) created.publish({ request })
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#handler.onConnect(abort)
  }

  onBodyWritten(): void {
    this.#handler.onBodyWritten?.()
  }

  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): unknown {
    if (answered.hasSubscribers)
      answered.publish({ request: this.#request, response: { statusCode, headers } })
    return this.#handler.onHeaders(statusCode, headers, resume)
  }

  onData(chunk: Buffer): boolean {
    return this.#handler.onData(chunk)
  }

  onComplete(): void {
    // The client skips trailer fields; the empty list keeps the shape of undici's message.
    if (completed.hasSubscribers) completed.publish({ request: this.#request, trailers: [] })
    this.#handler.onComplete()
  }

  onError(error: unknown): void {
    if (failed.hasSubscribers) failed.publish({ request: this.#request, error })
    this.#handler.onError(error)
  }
}
