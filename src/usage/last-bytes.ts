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
