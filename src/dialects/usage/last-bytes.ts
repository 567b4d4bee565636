const noBytes: Buffer = Buffer.alloc(0)
/** Number of chunks that are kept separately; more are joined. */
const maxChunks = 256

/** Keeps at least the last `capacity` bytes, and at most twice as many plus one chunk. */
export class LastBytes {
  readonly #capacity: number
  /** Most answers arrive in one chunk. */
  #first = noBytes
  #chunks: Buffer[] | undefined
  #bytes = 0
  #isCut = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#bytes
  }

  get #isOverLimit(): boolean {
    return this.#bytes > 2 * this.#capacity || (this.#chunks?.length ?? 0) > maxChunks
  }

  /** Whether earlier bytes have been dropped. */
  get isCut(): boolean {
    return this.#isCut
  }

  push(chunk: Buffer): void {
    if (this.#bytes === 0) {
      this.#first = chunk
    } else {
      this.#chunks ??= [this.#first]
      this.#chunks.push(chunk)
    }
    this.#bytes += chunk.length
    if (this.#isOverLimit) this.#shorten()
  }

  /** The last chunks that together have at least this many bytes, or all of them. */
  last(bytes: number): Buffer {
    const chunks = this.#chunks
    if (chunks === undefined) return this.#first
    let from = chunks.length
    for (let left = bytes; left > 0 && from > 0; left -= chunks[from]?.length ?? 0) from--
    return from === chunks.length - 1 ? (chunks[from] ?? noBytes) : Buffer.concat(chunks.slice(from))
  }

  /** All kept bytes. */
  peek(): Buffer {
    return this.#chunks === undefined ? this.#first : Buffer.concat(this.#chunks, this.#bytes)
  }

  /** Returns all kept bytes and starts over. */
  take(): Buffer {
    const all = this.peek()
    this.#first = noBytes
    this.#chunks = undefined
    this.#bytes = 0
    this.#isCut = false
    return all
  }

  /** Drops the first chunks, without copying if that suffices. */
  #shorten(): void {
    const chunks = this.#chunks ?? []
    let count = 0
    for (const { length } of chunks) {
      if (this.#bytes - length < this.#capacity) break
      this.#bytes -= length
      count++
    }
    if (count > 0) {
      chunks.splice(0, count)
      this.#isCut = true
    }
    if (this.#isOverLimit) this.#compact()
  }

  #compact(): void {
    const isCut = this.#isCut || this.#bytes > this.#capacity
    const last = this.take().subarray(-this.#capacity)
    this.#first = last
    this.#bytes = last.length
    this.#isCut = isCut
  }
}
