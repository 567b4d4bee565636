const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Makes every line of a stream end in LF, for readers that look for no other end: events may have CR and CRLF as well
 * (WHATWG HTML, section 9.2.6).
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
