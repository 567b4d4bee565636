/** Follows a JSON object that comes in pieces, only so far as to know whether it is complete. */
export class JsonProgress {
  #depth = 0
  #isInString = false
  #isEscaped = false
  #hasEnded = false
  #isUntouched = true

  /** Whether nothing has come yet. */
  get isUntouched(): boolean {
    return this.#isUntouched
  }

  /** Whether the first object has been closed. */
  get isComplete(): boolean {
    return this.#hasEnded
  }

  push(piece: string): void {
    if (piece !== '') this.#isUntouched = false
    for (let at = 0; at < piece.length && !this.#hasEnded; at++) {
      const code = piece.charCodeAt(at)
      if (this.#isEscaped) this.#isEscaped = false
      else if (this.#isInString) {
        if (code === 0x5c) this.#isEscaped = true
        else if (code === 0x22) this.#isInString = false
      } else if (code === 0x22) this.#isInString = true
      else if (code === 0x7b || code === 0x5b) this.#depth++
      else if (code === 0x7d || code === 0x5d) this.#hasEnded = --this.#depth <= 0
    }
  }
}
