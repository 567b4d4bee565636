const lineFeed = 0x0a

/** Splits a body into lines of JSON. */
export class JsonLines {
  readonly #maxBytes: number
  #rest: Buffer[] = []
  #restBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns the values of complete lines; undefined if a line is too long or not JSON */
  push(chunk: Buffer): unknown[] | undefined {
    const values: unknown[] = []
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      if (!this.#keep(chunk.subarray(from, end)) || !this.#take(values)) return undefined
      from = end + 1
    }
    return this.#keep(chunk.subarray(from)) ? values : undefined
  }

  /** The last line may lack its line feed. */
  end(): unknown[] | undefined {
    const values: unknown[] = []
    return this.#take(values) ? values : undefined
  }

  #keep(bytes: Buffer): boolean {
    this.#restBytes += bytes.length
    if (bytes.length > 0) this.#rest.push(bytes)
    return this.#restBytes <= this.#maxBytes
  }

  #take(values: unknown[]): boolean {
    const text = Buffer.concat(this.#rest, this.#restBytes).toString('utf8').trim()
    this.#rest = []
    this.#restBytes = 0
    if (text === '') return true
    try {
      values.push(JSON.parse(text))
      return true
    } catch {
      return false
    }
  }
}
