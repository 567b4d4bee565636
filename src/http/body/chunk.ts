/** Last chunk of a body in the chunked coding, with an empty trailer. */
export const lastChunk = '0\r\n\r\n'

/**
 * Encodes one chunk of the chunked coding (RFC 9112 section 7.1).
 * @param head Latin-1 text to write before the chunk; may be empty
 * @param bytes total length of all parts; at least one
 * @param isLast whether the body ends with this chunk
 */
export function chunkOf(head: string, parts: readonly Buffer[], bytes: number, isLast: boolean): Buffer {
  const start = `${head}${bytes.toString(16)}\r\n`
  const coded = Buffer.allocUnsafe(start.length + bytes + 2 + (isLast ? lastChunk.length : 0))
  let at = coded.write(start, 0, 'latin1')
  for (const part of parts) {
    part.copy(coded, at)
    at += part.length
  }
  coded[at] = 0x0d
  coded[at + 1] = 0x0a
  if (isLast) coded.write(lastChunk, at + 2, 'latin1')
  return coded
}
