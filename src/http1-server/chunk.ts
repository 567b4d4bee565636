const ending = '0\r\n\r\n'

/** What ends a body in the chunked coding. */
export const lastChunk: Buffer = Buffer.from(ending, 'latin1')

/**
 * A chunk of the chunked coding (RFC 9112 section 7.1).
 * @param bytes of all parts together; at least one
 * @param isLast whether the body ends with it
 */
export function chunkOf(parts: readonly Buffer[], bytes: number, isLast: boolean): Buffer {
  const size = bytes.toString(16)
  const coded = Buffer.allocUnsafe(size.length + bytes + 4 + (isLast ? ending.length : 0))
  let at = endLine(coded, coded.write(size, 0, 'latin1'))
  for (const part of parts) {
    part.copy(coded, at)
    at += part.length
  }
  at = endLine(coded, at)
  if (isLast) coded.write(ending, at, 'latin1')
  return coded
}

function endLine(bytes: Buffer, at: number): number {
  bytes[at] = 0x0d
  bytes[at + 1] = 0x0a
  return at + 2
}
