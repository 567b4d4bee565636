/** Longest line that is read. */
const maxLineBytes = 8_388_608
const lineFeed = 0x0a

/** Splits a stream of one JSON text per line; the last line needs no line feed. */
export class LineReader {
  readonly #onLine: (line: Buffer) => void
  #parts: Buffer[] = []
  #bytes = 0
  #hasLargeEvent = false

  constructor(onLine: (line: Buffer) => void) {
    this.#onLine = onLine
  }

  /** Whether a line was longer than is read; it and everything after it is dropped. */
  get hasLargeEvent(): boolean {
    return this.#hasLargeEvent
  }

  push(chunk: Buffer): void {
    let from = 0
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, at))
      this.#flush()
      from = at + 1
    }
    // Copied: the chunk's memory may be used again.
    if (from < chunk.length) this.#keep(Buffer.from(chunk.subarray(from)))
  }

  end(): void {
    this.#flush()
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > maxLineBytes) this.#hasLargeEvent = true
    if (this.#hasLargeEvent) this.#parts = []
    else this.#parts.push(part)
  }

  #flush(): void {
    const [first = Buffer.alloc(0)] = this.#parts
    const line = this.#parts.length === 1 ? first : Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    if (line.length > 0 && !this.#hasLargeEvent) this.#onLine(line)
  }
}
