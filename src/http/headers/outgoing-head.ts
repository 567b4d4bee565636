import { STATUS_CODES } from 'node:http'
import { type HeadParts, headParts } from './head-parts.ts'
import { headerName } from './header-name.ts'

/** How the body of a response ends. */
export type AnswerFraming = 'length' | 'chunked' | 'none'

export interface OutgoingHead {
  readonly parts: HeadParts
  readonly framing: AnswerFraming
  /** Whether the connection ends after the response. */
  readonly closes: boolean
}

export interface OutgoingHeadOptions {
  readonly method: string
  readonly statusCode: number
  /** Flat name/value pairs. */
  readonly headers: readonly string[]
  /** Whether the client allows another request on the connection. */
  readonly keepsAlive: boolean
  /** Value of `Keep-Alive: timeout` in seconds; 0 omits the header. */
  readonly idleSeconds: number
  /** Value of `Date`. */
  readonly date: string
}

/** RFC 9110 section 5.5 */
const fieldValueShape = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Prepares the head of a response for serialization in Latin-1, as Node's server writes it.
 * @throws TypeError `ERR_INVALID_CHAR` for a name or value that would end its line early
 */
export function outgoingHead(options: OutgoingHeadOptions): OutgoingHead {
  const { method, statusCode, headers, keepsAlive, idleSeconds, date } = options
  let closes = !keepsAlive
  let hasConnection = false
  let hasDate = false
  let hasLength = false
  let isChunked = false
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    const { lower, isToken } = headerName(name)
    if (!isToken || !fieldValueShape.test(value)) throw invalidHeader()
    switch (lower) {
      case 'date':
        hasDate = true
        break
      case 'connection':
        hasConnection = true
        if (/(?:^|\W)close(?:$|\W)/i.test(value)) closes = true
        break
      case 'content-length':
        hasLength = true
        break
      case 'transfer-encoding':
        isChunked = true
        break
    }
  }
  let end = hasDate ? '' : `Date: ${date}\r\n`
  if (!hasConnection) end += connectionLines(closes, idleSeconds)
  let framing: AnswerFraming = hasLength ? 'length' : 'chunked'
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) framing = 'none'
  else if (!hasLength && !isChunked) end += 'Transfer-Encoding: chunked\r\n'
  const start = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? 'unknown'}\r\n`
  return { parts: headParts(start, headers, `${end}\r\n`), framing, closes }
}

function connectionLines(closes: boolean, idleSeconds: number): string {
  if (closes) return 'Connection: close\r\n'
  return idleSeconds > 0
    ? `Connection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n`
    : 'Connection: keep-alive\r\n'
}

function invalidHeader(): TypeError {
  return Object.assign(new TypeError('a response header cannot be written'), { code: 'ERR_INVALID_CHAR' })
}
