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
  let framing: AnswerFraming = hasLength ? 'length' : 'chunked'
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) framing = 'none'
  const needsChunked = framing === 'chunked' && !isChunked
  const lines = lastLines(hasConnection ? undefined : closes, needsChunked, idleSeconds)
  const end = hasDate ? lines : `Date: ${date}\r\n${lines}`
  return { parts: headParts(statusLine(statusCode), headers, end), framing, closes }
}

const statusLines: (string | undefined)[] = []

function statusLine(statusCode: number): string {
  const known = statusLines[statusCode]
  if (known !== undefined) return known
  const line = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? 'unknown'}\r\n`
  if (statusCode < maxStatusCode) statusLines[statusCode] = line
  return line
}

const maxStatusCode = 600
/** The last lines of responses with one idle time, which a server does not change: a text that is joined is copied. */
let knownSeconds = -1
let known: (string | undefined)[] = []

/** @param closes undefined if the headers say it */
function lastLines(closes: boolean | undefined, isChunked: boolean, idleSeconds: number): string {
  if (idleSeconds !== knownSeconds) {
    knownSeconds = idleSeconds
    known = []
  }
  const place = (closes === undefined ? 0 : closes ? 1 : 2) + (isChunked ? 3 : 0)
  const found = known[place]
  if (found !== undefined) return found
  const coding = isChunked ? 'Transfer-Encoding: chunked\r\n' : ''
  // Flat, because it is read character by character.
  const lines = Buffer.from(`${connectionLines(closes, idleSeconds)}${coding}\r\n`, 'latin1')
  const text = lines.toString('latin1')
  known[place] = text
  return text
}

function connectionLines(closes: boolean | undefined, idleSeconds: number): string {
  if (closes === undefined) return ''
  if (closes) return 'Connection: close\r\n'
  return idleSeconds > 0
    ? `Connection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n`
    : 'Connection: keep-alive\r\n'
}

function invalidHeader(): TypeError {
  return Object.assign(new TypeError('a response header cannot be written'), { code: 'ERR_INVALID_CHAR' })
}
