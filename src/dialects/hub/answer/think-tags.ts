/** A text separated into thinking and answer. */
export interface ThinkingSplit {
  readonly thinking: string
  readonly text: string
}

const opening = '<think>'
const closing = '</think>'
/** Longest white space before a tag; longer white space is text. */
const maxBlankLength = 4_096

/** Longest guess that is kept in case it was not a thought. */
const maxGuessLength = 262_144

/**
 * Separates a model's thinking from its answer if the endpoint does not: thoughts are between `<think>` tags at the
 * very start. Tags may be split across chunks; only a possible part of a tag is held back. Later tags are quotes and
 * stay.
 */
export class ThinkTags {
  #state: 'before' | 'inside' | 'after' | 'text' = 'before'
  #held = ''
  #isOpen: boolean
  /** Text that was assumed to be a thought without an opening tag; undefined if there is none or it is too long. */
  #guess: string | undefined
  #hasOpening = false
  #hasLoneClosing = false
  #last = ''

  /** @param isOpen whether the opening tag is in the prompt */
  constructor(isOpen = false) {
    this.#isOpen = isOpen
  }

  /** Whether a thought ended without an opening tag in the text, because the tag was in the prompt. */
  get hasLoneClosing(): boolean {
    return this.#hasLoneClosing
  }

  /** Text that was assumed to be a thought but is the answer; '' if the guess was right. */
  get wrongGuess(): string {
    return this.#guess ?? ''
  }

  /** For a whole text, which shows where its thought ends. */
  disableGuess(): void {
    this.#isOpen = false
  }

  push(chunk: string): ThinkingSplit {
    if (this.#state === 'text') return { thinking: '', text: this.#noteLoneClosing(chunk) }
    this.#held += chunk
    let thinking = ''
    if (this.#state === 'before') this.#findOpening()
    if (this.#state === 'inside') thinking = this.#takeThoughts()
    if (this.#state === 'after') {
      this.#held = this.#held.trimStart()
      if (this.#held !== '') this.#state = 'text'
    }
    return { thinking, text: this.#state === 'text' ? this.#noteLoneClosing(this.#takeHeld()) : '' }
  }

  /** Returns what is held back at the end of the answer. */
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

  /** Looks for a closing tag on its own line without an opening tag. */
  #noteLoneClosing(text: string): string {
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
      this.#guess = this.#guess.length > maxGuessLength ? undefined : this.#guess + thoughts
    if (at >= 0) {
      this.#state = 'after'
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

/** Number of trailing characters that may be the start of the closing tag. */
function partialTag(text: string): number {
  for (let length = Math.min(closing.length - 1, text.length); length > 0; length--) {
    if (closing.startsWith(text.slice(-length))) return length
  }
  return 0
}

/**
 * Splits a whole text whose opening tag is in the prompt, as with some templates (mudler/LocalAI#4761): thoughts end at
 * a closing tag without an opening one. The first stream of such a model cannot be split this way, because its text has
 * been sent before the tag arrives.
 * @returns undefined if the text has no such tag
 */
export function splitWhole(text: string): ThinkingSplit | undefined {
  const end = text.indexOf(closing)
  if (end < 0) return undefined
  const start = text.indexOf(opening)
  if (start >= 0 && start < end) return undefined
  return { thinking: text.slice(0, end).trimEnd(), text: text.slice(end + closing.length).trimStart() }
}
