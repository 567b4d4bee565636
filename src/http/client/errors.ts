/**
 * Why a connection could not carry a request.
 *
 * - `ERR_HTTP1_INVALID_RESPONSE`: the response is not HTTP/1.1 or contradicts itself
 * - `ERR_HTTP1_INVALID_REQUEST`: a method, path or header that cannot be serialized; nothing was sent
 * - `ERR_HTTP1_CLOSED`: the server closed the connection before the response was complete
 * - `ERR_HTTP1_STALE`: the same on a reused connection before the first byte of the response, and the body is a stream
 *   that cannot be sent again
 * - `ERR_HTTP1_CONNECT_TIMEOUT`, `ERR_TLS_HANDSHAKE_TIMEOUT`: no connection within the limit
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
  /** What an operator can do about the error, if known. */
  readonly hint: string | undefined

  constructor(code: Http1ErrorCode, message: string, hint?: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

/** Error for a response that violates the protocol. The client trusts no part of it and closes the connection. */
export function invalidResponse(what: string, hint?: string): Http1Error {
  return new Http1Error('ERR_HTTP1_INVALID_RESPONSE', what, hint)
}
