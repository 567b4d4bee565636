/**
 * Keeps the halves of a surrogate pair together. Clients drop an event with half a pair without a notice, because it is
 * not valid Unicode (serde).
 */
export class PairedText {
  #half = ''

  /** @returns what can be written now */
  push(text: string): string {
    let whole = this.#half === '' ? text : this.#half + text
    const last = whole.charCodeAt(whole.length - 1)
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#half = whole.slice(-1)
      whole = whole.slice(0, -1)
    } else this.#half = ''
    return whole.isWellFormed() ? whole : whole.toWellFormed()
  }

  /** @returns a replacement for a half without its other half */
  end(): string {
    return this.#half === '' ? '' : '\ufffd'
  }
}
