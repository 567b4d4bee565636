import { fieldValue } from '../headers/field-value.ts'
import { headerName } from '../headers/header-name.ts'
import { isHost } from '../headers/host-field.ts'
import { recurringText } from '../headers/recurring-text.ts'

/** A request head that can be read in one way only. */
export interface PlainHead {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Flat name/value pairs as received, in Latin-1. */
  readonly headers: string[]
  /** Length of the body. */
  readonly lengthBytes: number
  /** Whether the connection can carry another request. */
  readonly keepsAlive: boolean
  /** Length of the head. */
  readonly headBytes: number
}

/** Larger heads fall back to Node's parser, which enforces `maxHeaderSize`. */
const maxHeadBytes = 8_192
const maxHeaders = 100

/** RFC 9112 sections 3 and 5, RFC 9110 section 5.5, without anything optional or ambiguous. */
const shape =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/[!$-;=?-Z_a-z~]* HTTP\/1\.1\r\n(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/

const headEnd = '\r\n\r\n'

/**
 * Parses the head of a request if it is plain: HTTP/1.1 in one read, one `Host`, a length or no body, nothing to
 * negotiate.
 * @param bytes the first bytes received
 * @returns undefined for everything else, whether it is invalid, rare or incomplete
 */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const end = bytes.indexOf(headEnd, 0, 'latin1')
  if (end < 0 || end > maxHeadBytes) return undefined
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
    const name = recurringText(text, at, colon)
    const value = fieldValue(text, colon + 1, valueEnd)
    if (!fields.read(name, value)) return undefined
    headers.push(name, value)
    at = valueEnd + 2
  }
  if (!fields.hasHost || headers.length > 2 * maxHeaders) return undefined
  return {
    method: methodOf(text, space),
    target: recurringText(text, space + 1, lineEnd - ' HTTP/1.1'.length),
    headers,
    lengthBytes: fields.lengthBytes ?? 0,
    keepsAlive: !fields.closes,
    headBytes,
  }
}

const methods = ['POST', 'GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** The method as a string that is already there. */
function methodOf(text: string, end: number): string {
  for (const method of methods) if (method.length === end && text.startsWith(method)) return method
  return text.slice(0, end)
}

/** The fields that determine the end of the request and whether the connection stays open. */
class PlainFields {
  hasHost = false
  closes = false
  lengthBytes: number | undefined
  #hasConnection = false

  /** @returns false if the field needs more than this parser supports */
  read(name: string, value: string): boolean {
    // Lower-casing would allocate a text for each of them.
    switch (name.length) {
      case 4:
        return headerName(name).lower !== 'host' || this.#readHost(value)
      case 6:
        return headerName(name).lower !== 'expect'
      case 7:
        return headerName(name).lower !== 'upgrade'
      case 10:
        return headerName(name).lower !== 'connection' || this.#readConnection(value)
      case 14:
        return headerName(name).lower !== 'content-length' || this.#readLength(value)
      case 16:
        return headerName(name).lower !== 'proxy-connection'
      case 17:
        return headerName(name).lower !== 'transfer-encoding'
    }
    return true
  }

  #readHost(value: string): boolean {
    if (this.hasHost || !isHost(value)) return false
    this.hasHost = true
    return true
  }

  #readConnection(value: string): boolean {
    const lower = value === 'keep-alive' ? value : value.toLowerCase()
    if (this.#hasConnection || (lower !== 'keep-alive' && lower !== 'close')) return false
    this.#hasConnection = true
    this.closes = lower === 'close'
    return true
  }

  #readLength(value: string): boolean {
    // Node rejects a repeated length, even an equal one (RFC 9112 section 6.3).
    if (this.lengthBytes !== undefined || !/^\d{1,15}$/.test(value)) return false
    this.lengthBytes = Number(value)
    return true
  }
}
