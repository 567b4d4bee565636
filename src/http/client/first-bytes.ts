import { invalidResponse } from './errors.ts'

const lf = 0x0a
const cr = 0x0d
const beginning = Buffer.from('HTTP/1.')
/** Record type of a TLS alert. */
const tlsAlert = 0x15
const tlsMajor = 0x03
/** The bytes after the length of an HTTP/2 SETTINGS frame: type, no flags, stream 0 (RFC 9113 section 4.1). */
const settings = Buffer.from([0x04, 0x00, 0x00, 0x00, 0x00, 0x00])

/**
 * Checks an incomplete head, so that the client rejects a server that does not speak HTTP/1 at its first bytes and does
 * not wait for the response timeout.
 * @param held the head so far, at least one byte
 * @param from number of bytes that an earlier call has checked
 * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`
 */
export function refuseOtherProtocols(held: Buffer, from: number): void {
  const compared = Math.min(held.length, beginning.length)
  if (from < beginning.length && held.compare(beginning, 0, compared, 0, compared) !== 0)
    throw invalidResponse('not HTTP/1', protocolOf(held))
  // Lines end with CR LF (RFC 9112 section 2.2): a head with other line endings would never be complete.
  for (let at = Math.max(0, from - 1); at < held.length; at++) {
    const byte = held[at]
    const isLoneLf = byte === lf && held[at - 1] !== cr
    const isLoneCr = byte === cr && at + 1 < held.length && held[at + 1] !== lf
    if (isLoneLf || isLoneCr) throw invalidResponse('line without CR LF')
  }
}

/** The protocol that a server seems to speak instead of HTTP/1; undefined if unknown. */
export function protocolOf(bytes: Buffer): string | undefined {
  if (bytes[0] === tlsAlert && (bytes[1] ?? tlsMajor) === tlsMajor) return 'it speaks TLS: use https'
  if (bytes.length >= 9 && bytes.indexOf(settings, 3) === 3) return 'it speaks HTTP/2 only'
  return undefined
}
