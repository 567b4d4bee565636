const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Converts line ends to LF for readers that know no other: event streams may also use CR and CRLF (WHATWG HTML,
 * section 9.2.6).
 */
export class LineEnds {
  #isAfterCr = false

  push(chunk: Buffer): Buffer {
    const isSecondHalf = this.#isAfterCr && chunk[0] === lineFeed
    const bytes = isSecondHalf ? chunk.subarray(1) : chunk
    if (bytes.length === 0) {
      if (isSecondHalf) this.#isAfterCr = false
      return bytes
    }
    this.#isAfterCr = bytes[bytes.length - 1] === carriageReturn
    return bytes.includes(carriageReturn) ? withLineFeeds(bytes) : bytes
  }
}

function withLineFeeds(bytes: Buffer): Buffer {
  const made = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === lineFeed && bytes[at - 1] === carriageReturn) continue
    made[length++] = byte === carriageReturn ? lineFeed : byte
  }
  return made.subarray(0, length)
}
