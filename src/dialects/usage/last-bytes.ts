const noBytes: Buffer = Buffer.alloc(0)
/** Pieces that are kept apart; beyond, they are joined. */
const maxPieces = 256

/** Keeps at least the last `capacity` bytes of what it is given, and at most twice as many and one chunk. */
export class LastBytes {
  readonly #capacity: number
  /** Most answers come in one piece. */
  #first = noBytes
  #pieces: Buffer[] | undefined
  #bytes = 0
  #isCut = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#bytes
  }

  get #isTooMuch(): boolean {
    return this.#bytes > 2 * this.#capacity || (this.#pieces?.length ?? 0) > maxPieces
  }

  /** Whether bytes were given that are no longer here. */
  get isCut(): boolean {
    return this.#isCut
  }

  push(chunk: Buffer): void {
    if (this.#bytes === 0) {
      this.#first = chunk
    } else {
      this.#pieces ??= [this.#first]
      this.#pieces.push(chunk)
    }
    this.#bytes += chunk.length
    if (this.#isTooMuch) this.#shorten()
  }

  /** The last pieces that have so many bytes together, or all. */
  last(bytes: number): Buffer {
    const pieces = this.#pieces
    if (pieces === undefined) return this.#first
    let from = pieces.length
    for (let left = bytes; left > 0 && from > 0; left -= pieces[from]?.length ?? 0) from--
    return from === pieces.length - 1 ? (pieces[from] ?? noBytes) : Buffer.concat(pieces.slice(from))
  }

  /** All that is kept. */
  peek(): Buffer {
    return this.#pieces === undefined ? this.#first : Buffer.concat(this.#pieces, this.#bytes)
  }

  /** All that is kept, and begins anew. */
  take(): Buffer {
    const all = this.peek()
    this.#first = noBytes
    this.#pieces = undefined
    this.#bytes = 0
    this.#isCut = false
    return all
  }

  /** Without copying, where the first pieces can go. */
  #shorten(): void {
    const pieces = this.#pieces ?? []
    let count = 0
    for (const { length } of pieces) {
      if (this.#bytes - length < this.#capacity) break
      this.#bytes -= length
      count++
    }
    if (count > 0) {
      pieces.splice(0, count)
      this.#isCut = true
    }
    if (this.#isTooMuch) this.#compact()
  }

  #compact(): void {
    const isCut = this.#isCut || this.#bytes > this.#capacity
    const last = this.take().subarray(-this.#capacity)
    this.#first = last
    this.#bytes = last.length
    this.#isCut = isCut
  }
}
