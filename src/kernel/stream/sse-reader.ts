/** Takes one complete event. `name` is '' where the stream gave none; `data` lives as long as its chunk. */
export type SseListener = (data: Buffer, name: string) => void

/**
 * Most bytes of one event, its lines together. Engines that put pictures or whole tool results into one event
 * stay below it.
 */
export const maxSseEventBytes = 8_388_608

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20
const noBytes: Buffer = Buffer.alloc(0)
const joint: Buffer = Buffer.from('\n')

/**
 * Reads server-sent events from bytes (WHATWG HTML, section 9.2.6): lines end in LF, CR or CRLF, a chunk may
 * be cut anywhere, also inside a character. What it keeps is bounded: an event that is larger than its limit
 * is skipped and counted. `id` and `retry` mean nothing to a gateway and are not read. A field `error`, which the
 * standard does not know, is an event of that name: so llama.cpp tells its errors (ggml-org/llama.cpp#16109).
 */
export class SseReader {
  readonly #listener: SseListener
  readonly #maxBytes: number
  /** Pieces of a line that has not ended. */
  #pieces: Buffer[] = []
  #piecesBytes = 0
  #isComment = false
  #data: Buffer[] = []
  #dataBytes = 0
  #hasData = false
  #name = ''
  #eventBytes = 0
  /** The last chunk ended in CR: a LF that follows belongs to it. */
  #afterCr = false
  #isFirstLine = true
  #skipped = 0

  constructor(listener: SseListener, maxEventBytes = maxSseEventBytes) {
    this.#listener = listener
    this.#maxBytes = maxEventBytes
  }

  /** Events that were too large to be read. */
  get skippedEvents(): number {
    return this.#skipped
  }

  /** Whether there is an event that is too large, be it over or not. */
  get hasLargeEvent(): boolean {
    if (this.#skipped > 0) return true
    const pendingBytes = this.#isComment ? 0 : this.#piecesBytes
    return this.#eventBytes + pendingBytes > this.#maxBytes
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    let at = this.#afterCr && chunk[0] === lineFeed ? 1 : 0
    this.#afterCr = false
    let nextCr = chunk.indexOf(carriageReturn, at)
    for (;;) {
      const lf = chunk.indexOf(lineFeed, at)
      if (nextCr >= 0 && nextCr < at) nextCr = chunk.indexOf(carriageReturn, at)
      const endsInCr = nextCr >= 0 && (lf < 0 || nextCr < lf)
      const end = endsInCr ? nextCr : lf
      if (end < 0) break
      if (this.#piecesBytes === 0) this.#line(chunk, at, end)
      else this.#longLine(chunk, at, end)
      at = end + 1
      if (endsInCr && chunk[at] === lineFeed) at++
      else if (endsInCr && at === chunk.length) this.#afterCr = true
    }
    if (at < chunk.length) this.#keep(chunk, at)
  }

  /** The stream has ended by itself: an event whose last empty line is missing counts as complete. */
  end(): void {
    if (this.#piecesBytes > 0) this.#longLine(noBytes, 0, 0)
    this.#dispatch()
  }

  #keep(chunk: Buffer, from: number): void {
    const bytes = chunk.length - from
    if (this.#piecesBytes === 0) this.#isComment = chunk[from] === colon
    // Of a line that is too long its length is enough, of a comment that it is one.
    if (this.#isComment || this.#piecesBytes + bytes > this.#maxBytes) this.#pieces = []
    else this.#pieces.push(from === 0 ? chunk : chunk.subarray(from))
    this.#piecesBytes += bytes
  }

  /** A line that began in an earlier chunk. */
  #longLine(chunk: Buffer, from: number, end: number): void {
    const bytes = this.#piecesBytes + end - from
    const pieces = this.#pieces
    this.#pieces = []
    this.#piecesBytes = 0
    if (this.#isComment || bytes > this.#maxBytes) {
      if (!this.#isComment) this.#eventBytes += bytes
      this.#isFirstLine = false
      return
    }
    if (end > from) pieces.push(chunk.subarray(from, end))
    this.#line(pieces.length === 1 ? (pieces[0] ?? noBytes) : Buffer.concat(pieces, bytes), 0, bytes)
  }

  #line(bytes: Buffer, from: number, end: number): void {
    let start = from
    if (this.#isFirstLine) {
      this.#isFirstLine = false
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3
    }
    if (start >= end) {
      this.#dispatch()
      return
    }
    if (bytes[start] === colon) return
    this.#eventBytes += end - start
    if (this.#eventBytes > this.#maxBytes) return
    if (isField(bytes, start, end, 'data')) this.#addData(bytes, start + 4, end)
    else if (isField(bytes, start, end, 'event')) {
      this.#name = bytes.toString('utf8', valueStart(bytes, start + 5, end), end)
    } else if (isField(bytes, start, end, 'error')) {
      this.#name = 'error'
      this.#addData(bytes, start + 5, end)
    }
  }

  #addData(bytes: Buffer, afterName: number, end: number): void {
    const value = bytes.subarray(valueStart(bytes, afterName, end), end)
    if (this.#hasData) this.#data.push(joint)
    this.#data.push(value)
    this.#dataBytes += value.length + (this.#hasData ? 1 : 0)
    this.#hasData = true
  }

  #dispatch(): void {
    const [first] = this.#data
    const isTooLarge = this.#eventBytes > this.#maxBytes
    const name = this.#name
    const data =
      first === undefined || isTooLarge
        ? undefined
        : this.#data.length === 1
          ? first
          : Buffer.concat(this.#data, this.#dataBytes)
    if (this.#eventBytes > 0) {
      this.#data = []
      this.#dataBytes = 0
      this.#hasData = false
      this.#name = ''
      this.#eventBytes = 0
    }
    if (isTooLarge) this.#skipped++
    else if (data !== undefined) this.#listener(data, name)
  }
}

/** Whether a line is the field of this name: the name ends at the colon or with the line. */
function isField(bytes: Buffer, start: number, end: number, name: 'data' | 'event' | 'error'): boolean {
  const after = start + name.length
  if (after > end || (after < end && bytes[after] !== colon)) return false
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name.charCodeAt(at)) return false
  return true
}

/** One space behind the colon is not part of the value. */
function valueStart(bytes: Buffer, afterName: number, end: number): number {
  const start = Math.min(afterName + 1, end)
  return start < end && bytes[start] === space ? start + 1 : start
}
