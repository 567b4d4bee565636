import { invalidResponse } from './errors.ts'

const lf = 0x0a
const cr = 0x0d
const beginning = Buffer.from('HTTP/1.')
/** Record type and major version of a TLS record. */
const tlsAlert = 0x15
const tlsMajor = 0x03
/** What a SETTINGS frame of HTTP/2 has behind its length: type, no flags, stream 0 (RFC 9113 section 4.1). */
const settings = Buffer.from([0x04, 0x00, 0x00, 0x00, 0x00, 0x00])

/**
 * Looks at a head that is not complete, so that a server that does not speak HTTP/1 is refused at its first bytes and
 * not when the time for an answer is over.
 * @param held the head so far, at least one byte
 * @param from how much of it was looked at before
 * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`
 */
export function refuseOtherProtocols(held: Buffer, from: number): void {
  const compared = Math.min(held.length, beginning.length)
  if (from < beginning.length && held.compare(beginning, 0, compared, 0, compared) !== 0)
    throw invalidResponse('not HTTP/1', protocolOf(held))
  // Lines end with CR LF, both (RFC 9112 section 2.2): a head with other line ends would never be complete.
  for (let at = Math.max(0, from - 1); at < held.length; at++) {
    const byte = held[at]
    const isLoneLf = byte === lf && held[at - 1] !== cr
    const isLoneCr = byte === cr && at + 1 < held.length && held[at + 1] !== lf
    if (isLoneLf || isLoneCr) throw invalidResponse('line without CR LF')
  }
}

/** What a server seems to speak that does not speak HTTP/1; undefined where it cannot be told. */
export function protocolOf(bytes: Buffer): string | undefined {
  if (bytes[0] === tlsAlert && (bytes[1] ?? tlsMajor) === tlsMajor) return 'it speaks TLS: use https'
  if (bytes.length >= 9 && bytes.indexOf(settings, 3) === 3) return 'it speaks HTTP/2 only'
  return undefined
}
