/** What came out of a text that may think aloud. */
export interface ThinkingSplit {
  readonly thinking: string
  readonly text: string
}

const opening = '<think>'
const closing = '</think>'
/** White space before a tag; more of it is text. */
const maxBlankLength = 4_096

/**
 * Separates what a model thinks from what it says, where the endpoint does not: thoughts stand between
 * `<think>` tags at the very beginning. A text may come in any pieces; only what may be part of a tag is held
 * back. Tags further on are quoted and stay.
 */
export class ThinkTags {
  #state: 'before' | 'inside' | 'behind' | 'text' = 'before'
  #held = ''

  push(piece: string): ThinkingSplit {
    if (this.#state === 'text') return { thinking: '', text: piece }
    this.#held += piece
    let thinking = ''
    if (this.#state === 'before') this.#findOpening()
    if (this.#state === 'inside') thinking = this.#takeThoughts()
    if (this.#state === 'behind') {
      this.#held = this.#held.trimStart()
      if (this.#held !== '') this.#state = 'text'
    }
    return { thinking, text: this.#state === 'text' ? this.#takeHeld() : '' }
  }

  /** What is still held back when nothing more comes. */
  end(): ThinkingSplit {
    const held = this.#takeHeld()
    const isThought = this.#state === 'inside'
    this.#state = 'text'
    return { thinking: isThought ? held : '', text: isThought ? '' : held }
  }

  #findOpening(): void {
    const start = this.#held.trimStart()
    if (start.startsWith(opening)) {
      this.#state = 'inside'
      this.#held = start.slice(opening.length)
    } else if (!opening.startsWith(start) || this.#held.length > maxBlankLength) {
      this.#state = 'text'
    }
  }

  #takeThoughts(): string {
    const at = this.#held.indexOf(closing)
    const end = at >= 0 ? at : this.#held.length - partialTag(this.#held)
    const thoughts = this.#held.slice(0, end)
    this.#held = this.#held.slice(at >= 0 ? end + closing.length : end)
    if (at >= 0) this.#state = 'behind'
    return thoughts
  }

  #takeHeld(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** How many of the last characters may be the beginning of the closing tag. */
function partialTag(text: string): number {
  for (let length = Math.min(closing.length - 1, text.length); length > 0; length--) {
    if (closing.startsWith(text.slice(-length))) return length
  }
  return 0
}

/**
 * A whole text whose opening tag stands in the prompt, as some templates have it (mudler/LocalAI#4761): thoughts
 * end at a closing tag that nothing opened. A stream cannot be split so: its text has gone before the tag comes.
 * @returns undefined where the text has no such tag
 */
export function splitWhole(text: string): ThinkingSplit | undefined {
  const end = text.indexOf(closing)
  if (end < 0) return undefined
  const start = text.indexOf(opening)
  if (start >= 0 && start < end) return undefined
  return { thinking: text.slice(0, end).trimEnd(), text: text.slice(end + closing.length).trimStart() }
}
