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
    const isMany = this.#pieces !== undefined && this.#pieces.length > maxPieces
    if (isMany || this.#bytes > 2 * this.#capacity) this.#compact()
  }

  /** The last pieces that have so many bytes together, or all. */
  last(bytes: number): Buffer {
    const pieces = this.#pieces
    if (pieces === undefined) return this.#first
    let from = pieces.length
    for (let left = bytes; left > 0 && from > 0; left -= pieces[from]?.length ?? 0) from--
    return Buffer.concat(pieces.slice(from))
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

  #compact(): void {
    const isCut = this.#isCut || this.#bytes > this.#capacity
    const last = this.take().subarray(-this.#capacity)
    this.#first = last
    this.#bytes = last.length
    this.#isCut = isCut
  }
}
