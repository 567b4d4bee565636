const noBytes: Buffer = Buffer.alloc(0)
/** Pieces that are kept apart; beyond, they are joined. */
const maxPieces = 256

/** Keeps at least the last `capacity` bytes of what it is given, and at most twice as many and one chunk. */
export class LastBytes {
  readonly #capacity: number
  #pieces: Buffer[] = []
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
    this.#pieces.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > 2 * this.#capacity || this.#pieces.length > maxPieces) this.#compact()
  }

  /** All that is kept, and begins anew. */
  take(): Buffer {
    const [first = noBytes] = this.#pieces
    const all = this.#pieces.length <= 1 ? first : Buffer.concat(this.#pieces, this.#bytes)
    this.#pieces = []
    this.#bytes = 0
    this.#isCut = false
    return all
  }

  #compact(): void {
    const isCut = this.#isCut || this.#bytes > this.#capacity
    const last = this.take().subarray(-this.#capacity)
    this.#pieces.push(last)
    this.#bytes = last.length
    this.#isCut = isCut
  }
}
