/**
 * Joins lines before they are written. The destinations batch too, but measure their whole buffer for each line, which
 * at 16 KB costs more than the line itself.
 */
export class LineBatch {
  readonly #maxCharacters: number
  readonly #write: (text: string) => void
  #text = ''

  /** @param maxCharacters held back; 0 writes each line at once */
  constructor(maxCharacters: number, write: (text: string) => void) {
    this.#maxCharacters = maxCharacters
    this.#write = write
  }

  add(line: string): void {
    this.#text += line
    if (this.#text.length > this.#maxCharacters) this.flush()
  }

  flush(): void {
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#write(text)
  }
}
