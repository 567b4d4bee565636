import { STATUS_CODES } from 'node:http'

/** How the body of a response ends. */
export type AnswerFraming = 'length' | 'chunked' | 'none'

export interface OutgoingHead {
  readonly text: string
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

/** Status line, fields, empty line (RFC 9110 section 5.5). */
const shape = /^[^\r\n]*\r\n(?:[\w!#$%&'*+.^`|~-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/

/**
 * Serializes the head of a response in Latin-1, as Node's server does.
 * @throws TypeError `ERR_INVALID_CHAR` for a name or value that would end its line early
 */
export function outgoingHead(options: OutgoingHeadOptions): OutgoingHead {
  const { method, statusCode, headers, keepsAlive, idleSeconds, date } = options
  let lines = 2 + (headers.length >> 1)
  let text = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? 'unknown'}\r\n`
  let closes = !keepsAlive
  let hasConnection = false
  let hasDate = false
  let hasLength = false
  let isChunked = false
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    text += `${name}: ${value}\r\n`
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'date') hasDate = true
        break
      case 10:
        if (name.toLowerCase() === 'connection') {
          hasConnection = true
          if (/(?:^|\W)close(?:$|\W)/i.test(value)) closes = true
        }
        break
      case 14:
        if (name.toLowerCase() === 'content-length') hasLength = true
        break
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') isChunked = true
        break
    }
  }
  if (!hasDate) {
    text += `Date: ${date}\r\n`
    lines++
  }
  if (!hasConnection) {
    text += connectionLines(closes, idleSeconds)
    lines += closes || idleSeconds <= 0 ? 1 : 2
  }
  let framing: AnswerFraming = hasLength ? 'length' : 'chunked'
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) framing = 'none'
  else if (!hasLength && !isChunked) {
    text += 'Transfer-Encoding: chunked\r\n'
    lines++
  }
  text += '\r\n'
  // The shape alone would accept a value that contains a line break and another well-formed line.
  if (!shape.test(text) || linesIn(text) !== lines) throw invalidHeader()
  return { text, framing, closes }
}

function connectionLines(closes: boolean, idleSeconds: number): string {
  if (closes) return 'Connection: close\r\n'
  return idleSeconds > 0
    ? `Connection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n`
    : 'Connection: keep-alive\r\n'
}

function linesIn(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

function invalidHeader(): TypeError {
  return Object.assign(new TypeError('a response header cannot be written'), { code: 'ERR_INVALID_CHAR' })
}
