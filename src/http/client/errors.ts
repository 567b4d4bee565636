/**
 * Why a connection could not carry a request.
 *
 * - `ERR_HTTP1_INVALID_RESPONSE`: what came back is not HTTP/1.1, or says two things at once
 * - `ERR_HTTP1_INVALID_REQUEST`: a method, path or header that cannot be written; nothing was sent
 * - `ERR_HTTP1_CLOSED`: the other side ended the connection before the answer was complete
 * - `ERR_HTTP1_STALE`: the same on a connection that was reused, before a byte of the answer; the body is a stream that
 *   cannot be sent again
 * - `ERR_HTTP1_CONNECT_TIMEOUT`, `ERR_TLS_HANDSHAKE_TIMEOUT`: no connection in time
 */
export type Http1ErrorCode =
  | 'ERR_HTTP1_INVALID_RESPONSE'
  | 'ERR_HTTP1_INVALID_REQUEST'
  | 'ERR_HTTP1_CLOSED'
  | 'ERR_HTTP1_STALE'
  | 'ERR_HTTP1_CONNECT_TIMEOUT'
  | 'ERR_TLS_HANDSHAKE_TIMEOUT'

export class Http1Error extends Error {
  override readonly name = 'Http1Error'
  readonly code: Http1ErrorCode
  /** What an operator can do about it, where that is known. */
  readonly hint: string | undefined

  constructor(code: Http1ErrorCode, message: string, hint?: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

/** An answer that breaks the rules. Nothing of it can be believed, its connection least of all. */
export function invalidResponse(what: string, hint?: string): Http1Error {
  return new Http1Error('ERR_HTTP1_INVALID_RESPONSE', what, hint)
}
