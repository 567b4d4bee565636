import { type HeadParts, headParts } from '../../headers/head-parts.ts'
import { Http1Error } from '../errors.ts'

const token = /^[\w!#$%&'*+.^`|~-]+$/
const target = /^[\x21-\x7e\x80-\xff]+$/
const value = /^[\t\x20-\x7e\x80-\xff]*$/

/** Role of a header name in the head. An `invalid` name is not a token, or belongs to the connection. */
type NameRole = 'plain' | 'host' | 'length' | 'invalid'

/** Roles of names seen before. There are few, and clients choose some of them. */
const roles = new Map<string, NameRole>()
const maxRoles = 1000
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
])

/** Methods for which a `Content-Length` of 0 announces an empty body (RFC 9110 section 8.6). */
const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

export interface HeadOptions {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs. A `Host` header replaces the server's own. */
  readonly headers: readonly string[]
}

/**
 * Prepares the head of a request for serialization (RFC 9112 section 3) in Latin-1.
 * @param host value of `Host`
 * @param bodyBytes length of the body if the headers do not give it; undefined for a stream whose headers do
 * @throws Http1Error `ERR_HTTP1_INVALID_REQUEST` for text that would end a line early, and for headers that give
 * another end of the request than `bodyBytes`: no byte of such a request may be sent
 */
export function requestHead(
  { method, path, headers }: HeadOptions,
  host: string,
  bodyBytes: number | 'chunked' | undefined,
): HeadParts {
  if (roleOf(method) === 'invalid' || !target.test(path)) throw invalidRequest('method or path')
  let shownHost = host
  let sent = headers
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const text = headers[at + 1] ?? ''
    const role = roleOf(name)
    if (role === 'invalid' || (role === 'length' && bodyBytes !== undefined))
      throw invalidRequest('header name')
    if (!value.test(text)) throw invalidRequest('header value')
    if (role === 'host') {
      shownHost = text
      sent = withoutHost(headers)
    }
  }
  const start = `${method} ${path} HTTP/1.1\r\nHost: ${shownHost}\r\nConnection: keep-alive\r\n`
  if (bodyBytes === 'chunked') return headParts(start, sent, 'Transfer-Encoding: chunked\r\n\r\n')
  const hasNoLength = bodyBytes === undefined || (bodyBytes === 0 && !methodsWithBody.has(method))
  return headParts(start, sent, hasNoLength ? '\r\n' : `Content-Length: ${bodyBytes}\r\n\r\n`)
}

/** Whether the headers of a request give the length of its body. */
export function namesLength({ headers }: Pick<HeadOptions, 'headers'>): boolean {
  return headers.some((name, at) => at % 2 === 0 && roleOf(name) === 'length')
}

function withoutHost(headers: readonly string[]): string[] {
  return headers.filter((_, at) => roleOf(headers[at - (at % 2)] ?? '') !== 'host')
}

function roleOf(name: string): NameRole {
  const known = roles.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  let role: NameRole = token.test(name) && !ofConnection.has(lower) ? 'plain' : 'invalid'
  if (lower === 'host') role = 'host'
  else if (lower === 'content-length') role = 'length'
  if (roles.size < maxRoles) roles.set(name, role)
  return role
}

function invalidRequest(what: string): Http1Error {
  return new Http1Error('ERR_HTTP1_INVALID_REQUEST', `invalid ${what}`)
}
