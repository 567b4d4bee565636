/** Receives one complete event. `name` is '' if the stream gave none; `data` is valid as long as its chunk. */
export type SseListener = (data: Buffer, name: string) => void

/**
 * Maximum bytes of one event over all its lines. Engines that put images or whole tool results into one event stay
 * below it.
 */
export const maxSseEventBytes = 8_388_608

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20
const noBytes: Buffer = Buffer.alloc(0)
const joint: Buffer = Buffer.from('\n')

/**
 * Parses server-sent events from bytes (WHATWG HTML, section 9.2.6): lines end in LF, CR or CRLF, and a chunk may end
 * anywhere, even inside a character. Memory is bounded: an event above the limit is skipped and counted. `id` and
 * `retry` have no meaning for a gateway and are ignored. The nonstandard field `error` becomes an event of that name:
 * llama.cpp reports errors this way (ggml-org/llama.cpp#16109).
 */
export class SseReader {
  readonly #listener: SseListener
  readonly #maxBytes: number
  /** Pieces of an incomplete line. */
  #parts: Buffer[] = []
  #partsBytes = 0
  #isComment = false
  #data: Buffer[] = []
  #dataBytes = 0
  #hasData = false
  #name = ''
  #eventBytes = 0
  /** Whether the last chunk ended in CR, so that a following LF belongs to it. */
  #afterCr = false
  #isFirstLine = true
  #skipped = 0

  constructor(listener: SseListener, maxEventBytes = maxSseEventBytes) {
    this.#listener = listener
    this.#maxBytes = maxEventBytes
  }

  /** Number of events above the limit. */
  get skippedEvents(): number {
    return this.#skipped
  }

  /** Whether an event was above the limit, including one that has not ended. */
  get hasLargeEvent(): boolean {
    if (this.#skipped > 0) return true
    const pendingBytes = this.#isComment ? 0 : this.#partsBytes
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
      if (this.#partsBytes === 0) this.#line(chunk, at, end)
      else this.#longLine(chunk, at, end)
      at = end + 1
      if (endsInCr && chunk[at] === lineFeed) at++
      else if (endsInCr && at === chunk.length) this.#afterCr = true
    }
    if (at < chunk.length) this.#keep(chunk, at)
  }

  /** Ends the stream; an event without its final empty line counts as complete. */
  end(): void {
    if (this.#partsBytes > 0) this.#longLine(noBytes, 0, 0)
    this.#dispatch()
  }

  #keep(chunk: Buffer, from: number): void {
    const bytes = chunk.length - from
    if (this.#partsBytes === 0) this.#isComment = chunk[from] === colon
    // The length of an oversized line is enough to count it, and comments carry nothing.
    if (this.#isComment || this.#partsBytes + bytes > this.#maxBytes) this.#parts = []
    else this.#parts.push(from === 0 ? chunk : chunk.subarray(from))
    this.#partsBytes += bytes
  }

  /** Handles a line that started in an earlier chunk. */
  #longLine(chunk: Buffer, from: number, end: number): void {
    const bytes = this.#partsBytes + end - from
    const parts = this.#parts
    this.#parts = []
    this.#partsBytes = 0
    if (this.#isComment || bytes > this.#maxBytes) {
      if (!this.#isComment) this.#eventBytes += bytes
      this.#isFirstLine = false
      return
    }
    if (end > from) parts.push(chunk.subarray(from, end))
    this.#line(parts.length === 1 ? (parts[0] ?? noBytes) : Buffer.concat(parts, bytes), 0, bytes)
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

/** Whether a line has this field: its name ends at a colon or at the end of the line. */
function isField(bytes: Buffer, start: number, end: number, name: 'data' | 'event' | 'error'): boolean {
  const after = start + name.length
  if (after > end || (after < end && bytes[after] !== colon)) return false
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name.charCodeAt(at)) return false
  return true
}

/** One space after the colon is not part of the value. */
function valueStart(bytes: Buffer, afterName: number, end: number): number {
  const start = Math.min(afterName + 1, end)
  return start < end && bytes[start] === space ? start + 1 : start
}
