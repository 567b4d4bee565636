import { Http1Error } from './errors.ts'

const token = /^[\w!#$%&'*+.^`|~-]+$/
const target = /^[\x21-\x7e\x80-\xff]+$/
const value = /^[\t\x20-\x7e\x80-\xff]*$/

/** Names that were found to be tokens; there are few, and clients choose some of them. */
const tokens = new Set<string>()
const mostTokens = 1000

/** Methods that say by a length of 0 that they have no body (RFC 9110 section 8.6). */
const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

export interface HeadOptions {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs without `Host` and `Connection`. */
  readonly headers: readonly string[]
  /** Of a body whose length the headers do not tell; undefined for a stream, whose headers do. */
  readonly bodyBytes: number | undefined
}

/**
 * The head of a request (RFC 9112 section 3), in Latin-1.
 * @param fixed lines that all requests to this server have, each with its line end
 * @throws Http1Error `ERR_HTTP1_INVALID_REQUEST` for what would end a line early: nothing of it may be sent
 */
export function requestHead({ method, path, headers, bodyBytes }: HeadOptions, fixed: string): string {
  if (!isToken(method) || !target.test(path)) throw invalidRequest('method or path')
  let head = `${method} ${path} HTTP/1.1\r\n${fixed}`
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const text = headers[at + 1] ?? ''
    if (!isToken(name)) throw invalidRequest('header name')
    if (!value.test(text)) throw invalidRequest('header value')
    head += `${name}: ${text}\r\n`
  }
  if (bodyBytes === undefined || (bodyBytes === 0 && !methodsWithBody.has(method))) return `${head}\r\n`
  return `${head}Content-Length: ${bodyBytes}\r\n\r\n`
}

function isToken(text: string): boolean {
  if (tokens.has(text)) return true
  if (!token.test(text)) return false
  if (tokens.size < mostTokens) tokens.add(text)
  return true
}

function invalidRequest(what: string): Http1Error {
  return new Http1Error('ERR_HTTP1_INVALID_REQUEST', `invalid ${what}`)
}
