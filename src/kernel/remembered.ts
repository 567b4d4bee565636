/**
 * What was found out about texts that clients choose, such as paths: a bounded number of them, of bounded length.
 * When the recent ones are as many as may be, they become the older ones, and what was older is forgotten unless it
 * has been asked for since. A text in use is found however many invented ones come between.
 */
export class Remembered<Value extends NonNullable<unknown> | null> {
  readonly #maxRecent: number
  readonly #maxLength: number
  #recent = new Map<string, Value>()
  #older = new Map<string, Value>()
  /** The last text that was found: to compare it takes less time than to hash a new one. */
  #lastText = ''
  #lastValue: Value | undefined = undefined

  /**
   * @param maxTexts that are held at once
   * @param maxLength longer texts are not remembered
   */
  constructor(maxTexts = 1_000, maxLength = 256) {
    this.#maxRecent = Math.ceil(maxTexts / 2)
    this.#maxLength = maxLength
  }

  get size(): number {
    return this.#recent.size + this.#older.size
  }

  get(text: string): Value | undefined {
    if (text === this.#lastText) return this.#lastValue
    const value = this.#recent.get(text)
    if (value === undefined) return this.#fromOlder(text)
    this.#lastText = text
    this.#lastValue = value
    return value
  }

  set(text: string, value: Value): void {
    if (text.length > this.#maxLength) return
    if (this.#recent.size >= this.#maxRecent) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(text, value)
    this.#lastText = text
    this.#lastValue = value
  }

  #fromOlder(text: string): Value | undefined {
    const value = this.#older.get(text)
    if (value !== undefined) this.set(text, value)
    return value
  }
}
