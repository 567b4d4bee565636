/**
 * Joins lines before they are written. The destinations batch as well, but measure all that they hold with each
 * line: at 16 KB that costs more than the line itself.
 */
export class LineBatch {
  readonly #most: number
  readonly #write: (text: string) => void
  #text = ''

  /** @param most characters that are held back; 0 writes each line at once */
  constructor(most: number, write: (text: string) => void) {
    this.#most = most
    this.#write = write
  }

  add(line: string): void {
    this.#text += line
    if (this.#text.length > this.#most) this.flush()
  }

  flush(): void {
    if (this.#text === '') return
    const text = this.#text
    this.#text = ''
    this.#write(text)
  }
}
