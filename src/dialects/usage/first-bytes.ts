/** Keeps the first `capacity` bytes, and the rest of the chunk with the last of them. */
export class FirstBytes {
  readonly #capacity: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(chunk: Buffer): void {
    if (this.#bytes >= this.#capacity) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  peek(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, this.#capacity)
  }
}
