/**
 * Removes from the start of a continuation the white space that the client already has: an engine gets the text without
 * its last white space, because some refuse or drop it, and then generates all of it, a part or none.
 */
export class SentSpace {
  #left: string

  /** @param space the white space at the end of the text that was sent */
  constructor(space: string) {
    this.#left = space
  }

  push(text: string): string {
    if (this.#left === '' || text === '') return text
    let at = 0
    while (at < text.length && at < this.#left.length && text[at] === this.#left[at]) at++
    this.#left = at === text.length ? this.#left.slice(at) : ''
    return text.slice(at)
  }
}
