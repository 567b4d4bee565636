/** What came out of a text that may think aloud. */
export interface ThinkingSplit {
  readonly thinking: string
  readonly text: string
}

const opening = '<think>'
const closing = '</think>'
/** White space before a tag; more of it is text. */
const maxBlankLength = 4_096

/** Longest beginning that is kept in case it was no thought. */
const longestGuess = 262_144

/**
 * Separates what a model thinks from what it says, where the endpoint does not: thoughts stand between
 * `<think>` tags at the very beginning. A text may come in any pieces; only what may be part of a tag is held
 * back. Tags further on are quoted and stay.
 */
export class ThinkTags {
  #state: 'before' | 'inside' | 'behind' | 'text' = 'before'
  #held = ''
  #isOpen: boolean
  /** What was taken for a thought that nothing opened; undefined where there is none, or it is too long. */
  #guess: string | undefined
  #hasOpening = false
  #hasLoneClosing = false
  #last = ''

  /** @param isOpen whether the opening tag stands in the prompt */
  constructor(isOpen = false) {
    this.#isOpen = isOpen
  }

  /** Whether a thought has ended that the text had not begun: its opening tag stood in the prompt. */
  get hasLoneClosing(): boolean {
    return this.#hasLoneClosing
  }

  /** What was taken for a thought, and turns out to be the answer; '' where the guess was right. */
  get wrongGuess(): string {
    return this.#guess ?? ''
  }

  /** A whole text shows where its thought ends. */
  guessNothing(): void {
    this.#isOpen = false
  }

  push(piece: string): ThinkingSplit {
    if (this.#state === 'text') return { thinking: '', text: this.#passed(piece) }
    this.#held += piece
    let thinking = ''
    if (this.#state === 'before') this.#findOpening()
    if (this.#state === 'inside') thinking = this.#takeThoughts()
    if (this.#state === 'behind') {
      this.#held = this.#held.trimStart()
      if (this.#held !== '') this.#state = 'text'
    }
    return { thinking, text: this.#state === 'text' ? this.#passed(this.#takeHeld()) : '' }
  }

  /** What is still held back when nothing more comes. */
  end(): ThinkingSplit {
    const held = this.#takeHeld()
    const isThought = this.#state === 'inside'
    if (isThought && this.#guess !== undefined) this.#guess += held
    this.#state = 'text'
    return { thinking: isThought ? held : '', text: isThought ? '' : held }
  }

  #findOpening(): void {
    const start = this.#held.trimStart()
    if (start.startsWith(opening)) {
      this.#state = 'inside'
      this.#hasOpening = true
      this.#held = start.slice(opening.length)
    } else if (!opening.startsWith(start) || this.#held.length > maxBlankLength) {
      this.#state = this.#isOpen ? 'inside' : 'text'
      if (this.#isOpen) this.#guess = ''
    }
  }

  /** Looks for a closing tag on a line of its own, which nothing has opened. */
  #passed(text: string): string {
    if (this.#hasOpening || this.#hasLoneClosing || text === '') return text
    const at = text.indexOf(closing)
    const before = at > 0 ? text[at - 1] : this.#last
    if (at >= 0 && before === '\n') this.#hasLoneClosing = true
    this.#last = text.at(-1) ?? ''
    return text
  }

  #takeThoughts(): string {
    const at = this.#held.indexOf(closing)
    const end = at >= 0 ? at : this.#held.length - partialTag(this.#held)
    const thoughts = this.#held.slice(0, end)
    this.#held = this.#held.slice(at >= 0 ? end + closing.length : end)
    if (this.#guess !== undefined)
      this.#guess = this.#guess.length > longestGuess ? undefined : this.#guess + thoughts
    if (at >= 0) {
      this.#state = 'behind'
      if (!this.#hasOpening) this.#hasLoneClosing = true
      this.#hasOpening = true
      this.#guess = undefined
    }
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
 * end at a closing tag that nothing opened. The first stream of such a model cannot be split so: its text has gone
 * before the tag comes.
 * @returns undefined where the text has no such tag
 */
export function splitWhole(text: string): ThinkingSplit | undefined {
  const end = text.indexOf(closing)
  if (end < 0) return undefined
  const start = text.indexOf(opening)
  if (start >= 0 && start < end) return undefined
  return { thinking: text.slice(0, end).trimEnd(), text: text.slice(end + closing.length).trimStart() }
}
