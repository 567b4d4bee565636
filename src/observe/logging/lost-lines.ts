/** Counts lines that one output could not write. */
export class LostLines {
  #total = 0
  #unreported = 0
  #works = true
  readonly #onLost: ((lines: number) => void) | undefined

  /** @param onLost receives each number of lost lines */
  constructor(onLost?: (lines: number) => void) {
    this.#onLost = onLost
  }

  get total(): number {
    return this.#total
  }

  /** Counts the lines of a dropped text. */
  add(text: string | Buffer): void {
    this.#works = false
    const lines = countLines(text)
    if (lines === 0) return
    this.#total += lines
    this.#unreported += lines
    this.#onLost?.(lines)
  }

  /** Records a successful write. */
  worked(): void {
    this.#works = true
  }

  /** @returns the lines lost since the last report, once the output works again; else 0 */
  takeReport(): number {
    if (!this.#works) return 0
    const lines = this.#unreported
    this.#unreported = 0
    return lines
  }
}

function countLines(text: string | Buffer): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return lines
}
