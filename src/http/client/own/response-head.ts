import { fieldValue } from '../../headers/field-value.ts'
import { headerName } from '../../headers/header-name.ts'
import { recurringText } from '../../headers/recurring-text.ts'
import { invalidResponse } from '../errors.ts'

/** How the body ends (RFC 9112 section 6.3); a number is its length in bytes. */
export type BodyFraming = number | 'chunked' | 'until-close'

export interface ResponseHead {
  readonly statusCode: number
  /** Flat name/value pairs as received, in Latin-1. */
  readonly headers: readonly string[]
  readonly framing: BodyFraming
  /** Whether the connection can carry another request. */
  readonly keepsAlive: boolean
  /** Seconds that the server keeps an idle connection, if it reports them. */
  readonly keepAliveSeconds: number | undefined
}

/**
 * Status line, fields and empty line without folded lines, bare line ends or control characters (RFC 9112 sections 4
 * and 5, RFC 9110 section 5.5), and with a status of a known class (RFC 9110 section 15). A head that matches needs no
 * further checks of single characters.
 */
const shape =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/

/**
 * Parses the head of a response.
 * @param text from the status line to the empty line, inclusive, in Latin-1
 * @param method of the request: a response to HEAD has no body
 * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`
 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  if (!shape.test(text)) throw invalidResponse('malformed response head')
  const statusCode = Number(text.slice(9, 12))
  const headers: string[] = []
  const fields = new FramingFields(text.charCodeAt(7) === 0x31)
  let at = text.indexOf('\r\n') + 2
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end === at) break
    const colon = text.indexOf(':', at)
    const name = recurringText(text, at, colon)
    const value = fieldValue(text, colon + 1, end)
    headers.push(name, value)
    fields.read(name, value)
    at = end + 2
  }
  const { framing: announced, keepsAlive, keepAliveSeconds } = fields
  const framing = hasNoBody(statusCode, method) ? 0 : announced
  return {
    statusCode,
    headers: fields.isLengthLoose ? withOneLength(headers, fields.contradicts) : headers,
    framing,
    keepsAlive: keepsAlive && framing !== 'until-close',
    keepAliveSeconds,
  }
}

/** Whether a response is interim, so that the final one follows. */
export function isInterim(statusCode: number): boolean {
  return statusCode < 200
}

function hasNoBody(statusCode: number, method: string): boolean {
  return method === 'HEAD' || statusCode === 204 || statusCode === 304 || isInterim(statusCode)
}

/**
 * Leaves one `Content-Length` for the client, or none if the body is chunked (RFC 9112 section 6.3).
 * @param isChunked whether to remove the length
 */
function withOneLength(headers: readonly string[], isChunked: boolean): string[] {
  const kept: string[] = []
  let hasLength = isChunked
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    if (name.toLowerCase() !== 'content-length') {
      kept.push(name, value)
    } else if (!hasLength) {
      hasLength = true
      kept.push(name, value.split(/[\t ]*,/, 1)[0] ?? value)
    }
  }
  return kept
}

let lastKeepAlive = ''
let lastSeconds: number | undefined

/** Seconds in a `Keep-Alive`. A server repeats its value. */
function secondsIn(value: string): number | undefined {
  if (value === lastKeepAlive) return lastSeconds
  const seconds = /(?:^|[,\t ])timeout=(\d{1,9})/i.exec(value)?.[1]
  lastKeepAlive = value
  lastSeconds = seconds === undefined ? undefined : Number(seconds)
  return lastSeconds
}

/** The fields that determine the end of the body and whether the connection stays open. */
class FramingFields {
  keepAliveSeconds: number | undefined
  /** Whether there is more than one length. */
  #repeats = false
  readonly #isVersion11: boolean
  #closes = false
  #isKept = false
  #lengthBytes: number | undefined
  #isChunked = false

  constructor(isVersion11: boolean) {
    this.#isVersion11 = isVersion11
  }

  /**
   * Whether the connection stays open (RFC 9112 section 9.3). It does not if an HTTP/1.0 server sends chunks or if a
   * server sends a length as well as chunks (section 6.1).
   */
  get keepsAlive(): boolean {
    return !this.#closes && !this.contradicts && (this.#isVersion11 || (this.#isKept && !this.#isChunked))
  }

  /** Whether there is a length as well as the chunked coding; the coding takes precedence (section 6.3). */
  get contradicts(): boolean {
    return this.#isChunked && this.#lengthBytes !== undefined
  }

  /** Whether the length must be rewritten before it is forwarded. */
  get isLengthLoose(): boolean {
    return this.#repeats || this.contradicts
  }

  get framing(): BodyFraming {
    return this.#isChunked ? 'chunked' : (this.#lengthBytes ?? 'until-close')
  }

  read(name: string, value: string): void {
    // Lower-casing would allocate a text for each of them.
    switch (name.length) {
      case 10:
        this.#readConnection(headerName(name).lower, value)
        break
      case 14:
        if (headerName(name).lower === 'content-length') this.#readLength(value)
        break
      case 17:
        if (headerName(name).lower === 'transfer-encoding') this.#readEncoding(value)
        break
    }
  }

  #readConnection(lowerName: string, value: string): void {
    if (lowerName === 'connection') {
      if (value === 'keep-alive') {
        this.#isKept = true
        return
      }
      const lower = value.toLowerCase()
      if (/(?:^|,)[\t ]*close[\t ]*(?:,|$)/.test(lower)) this.#closes = true
      else if (/(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)/.test(lower)) this.#isKept = true
    } else if (lowerName === 'keep-alive') {
      this.keepAliveSeconds = secondsIn(value) ?? this.keepAliveSeconds
    }
  }

  #readLength(value: string): void {
    if (this.#lengthBytes === undefined && /^\d{1,15}$/.test(value)) {
      this.#lengthBytes = Number(value)
      return
    }
    // Equal lengths in two fields or in a list are one length (RFC 9112 section 6.3).
    const [first = '', ...others] = value.split(/[\t ]*,[\t ]*/)
    const lengthBytes = Number(first)
    const isOther = this.#lengthBytes !== undefined && this.#lengthBytes !== lengthBytes
    if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first) || isOther)
      throw invalidResponse('invalid Content-Length')
    this.#lengthBytes = lengthBytes
    this.#repeats = true
  }

  #readEncoding(value: string): void {
    // The client would get any other coding without the field that names it.
    if (this.#isChunked || value.toLowerCase() !== 'chunked')
      throw invalidResponse('unknown Transfer-Encoding')
    this.#isChunked = true
  }
}
