/** Where lines are composed, piece by piece. */
export interface LineTarget {
  /** Adds a part of the current line. */
  append(text: string): void
  /** Adds a recurring part in UTF-8. */
  appendBytes(part: Uint8Array): void
  /** The line is complete. */
  end(): void
}

const spareBytes = 4_096
const loopLength = 24
/** UTF-8 takes at most so many bytes for one unit of UTF-16. */
const bytesPerUnit = 3

/**
 * Joins lines before they are written. The destinations batch too, but measure their whole buffer for each line, which
 * at 16 KB costs more than the line itself. Lines are composed as bytes: composing a string out of thirty pieces
 * allocates three times its length.
 */
export class LineBatch implements LineTarget {
  readonly #maxBytes: number
  readonly #write: (text: string) => void
  #memory: Buffer
  #length = 0

  /** @param maxBytes held back; 0 writes each line at once */
  constructor(maxBytes: number, write: (text: string) => void) {
    this.#maxBytes = maxBytes
    this.#write = write
    this.#memory = Buffer.allocUnsafeSlow(maxBytes + spareBytes)
  }

  add(line: string): void {
    this.append(line)
    this.end()
  }

  append(text: string): void {
    const start = this.#length
    if (start + text.length * bytesPerUnit > this.#memory.length) this.#grow(text.length * bytesPerUnit)
    const memory = this.#memory
    // A long text is written faster by Node than by a loop.
    if (text.length > loopLength) {
      this.#length = start + memory.write(text, start, 'utf8')
      return
    }
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) {
        this.#length = start + memory.write(text, start, 'utf8')
        return
      }
      memory[start + at] = code
    }
    this.#length = start + text.length
  }

  appendBytes(part: Uint8Array): void {
    if (this.#length + part.length > this.#memory.length) this.#grow(part.length)
    this.#memory.set(part, this.#length)
    this.#length += part.length
  }

  end(): void {
    if (this.#length > this.#maxBytes) this.flush()
  }

  flush(): void {
    if (this.#length === 0) return
    const text = this.#memory.toString('utf8', 0, this.#length)
    this.#length = 0
    this.#write(text)
  }

  #grow(bytes: number): void {
    const memory = Buffer.allocUnsafeSlow(2 * this.#length + bytes + spareBytes)
    this.#memory.copy(memory, 0, 0, this.#length)
    this.#memory = memory
  }
}
