import { fieldValue } from '../headers/field-value.ts'
import { isHost } from '../headers/host-field.ts'

/** The head of a request that says one thing only. */
export interface PlainHead {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Flat name/value pairs as they came, in Latin-1. */
  readonly headers: string[]
  /** Bytes of the body. */
  readonly lengthBytes: number
  /** Whether another request may follow on the connection. */
  readonly keepsAlive: boolean
  /** Bytes of the head. */
  readonly headBytes: number
}

/** A longer head is left to those who know how much is too much. */
const mostHeadBytes = 8_192
const mostHeaders = 100

/** RFC 9112 sections 3 and 5, RFC 9110 section 5.5, without whatever may be left out or read in two ways. */
const shape =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/[!$-;=?-Z_a-z~]* HTTP\/1\.1\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/

const headEnd = '\r\n\r\n'

/**
 * Reads the head of a request where it is plain: HTTP/1.1 in one piece, one `Host`, a length or no body, nothing
 * to negotiate.
 * @param bytes what has come first
 * @returns undefined for everything else, be it wrong, rare or not whole
 */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const end = bytes.indexOf(headEnd, 0, 'latin1')
  if (end < 0 || end > mostHeadBytes) return undefined
  const headBytes = end + headEnd.length
  const text = bytes.toString('latin1', 0, headBytes)
  if (!shape.test(text)) return undefined
  const lineEnd = text.indexOf('\r\n')
  const space = text.indexOf(' ')
  const fields = new PlainFields()
  const headers: string[] = []
  let at = lineEnd + 2
  while (at < end) {
    const valueEnd = text.indexOf('\r\n', at)
    const colon = text.indexOf(':', at)
    const name = text.slice(at, colon)
    const value = fieldValue(text, colon + 1, valueEnd)
    if (!fields.read(name, value)) return undefined
    headers.push(name, value)
    at = valueEnd + 2
  }
  if (!fields.hasHost || headers.length > 2 * mostHeaders) return undefined
  return {
    method: text.slice(0, space),
    target: text.slice(space + 1, lineEnd - ' HTTP/1.1'.length),
    headers,
    lengthBytes: fields.lengthBytes ?? 0,
    keepsAlive: !fields.closes,
    headBytes,
  }
}

/** The fields that say where the request ends and what becomes of the connection. */
class PlainFields {
  hasHost = false
  closes = false
  lengthBytes: number | undefined
  #hasConnection = false

  /** @returns false where there is more to it than this reads */
  read(name: string, value: string): boolean {
    // Lower case is made of few names only.
    switch (name.length) {
      case 4:
        return name.toLowerCase() !== 'host' || this.#readHost(value)
      case 6:
        return name.toLowerCase() !== 'expect'
      case 7:
        return name.toLowerCase() !== 'upgrade'
      case 10:
        return name.toLowerCase() !== 'connection' || this.#readConnection(value)
      case 14:
        return name.toLowerCase() !== 'content-length' || this.#readLength(value)
      case 16:
        return name.toLowerCase() !== 'proxy-connection'
      case 17:
        return name.toLowerCase() !== 'transfer-encoding'
    }
    return true
  }

  #readHost(value: string): boolean {
    if (this.hasHost || !isHost(value)) return false
    this.hasHost = true
    return true
  }

  #readConnection(value: string): boolean {
    const lower = value.toLowerCase()
    if (this.#hasConnection || (lower !== 'keep-alive' && lower !== 'close')) return false
    this.#hasConnection = true
    this.closes = lower === 'close'
    return true
  }

  #readLength(value: string): boolean {
    // Two lengths, even if they are the same, are for Node to refuse (RFC 9112 section 6.3).
    if (this.lengthBytes !== undefined || !/^\d{1,15}$/.test(value)) return false
    this.lengthBytes = Number(value)
    return true
  }
}
