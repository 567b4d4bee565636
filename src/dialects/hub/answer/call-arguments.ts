import { objectText } from '../calls/call-input.ts'

/** Arguments that do not start as an object are held until the call ends; any beyond this length are dropped. */
const maxHeldLength = 1_048_576

/** Longest text that is tested for an empty value. */
const maxEmptyLength = 256

/**
 * The arguments of one tool call, which arrive in parts. An object passes as it arrives, as soon as it is certain not
 * to be empty; text after its end belongs to no call. Everything else, such as `null`, `{}` or an object inside a
 * string, is held until the call ends, because a real object may still follow.
 */
export class CallArguments {
  #state: 'blank' | 'object' | 'string' | 'other' = 'blank'
  #depth = 0
  #isInString = false
  #isEscaped = false
  /** Whether the object has members. */
  #hasMembers = false
  #isComplete = false
  #held = ''
  #passedLength = 0
  /** Kept to recognize a call that is sent twice; undefined if it is too long for that. */
  #whole: string | undefined = ''

  /** Number of characters held until the call ends or is certain not to be empty. */
  get heldLength(): number {
    return this.#held.length
  }

  /** Whether part of the arguments has been passed on. */
  get isFlowing(): boolean {
    return this.#passedLength > 0
  }

  /** Whether only white space has arrived. */
  get isBlank(): boolean {
    return this.#state === 'blank'
  }

  /** Whether the value has ended. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Whether this text repeats the complete arguments. */
  repeats(text: string): boolean {
    return this.#isComplete && this.#whole?.trim() === text.trim()
  }

  /** @returns what can be passed on now */
  push(text: string): string {
    let left = text
    for (;;) {
      if (this.#isComplete || this.#state === 'other') {
        // Some servers start every call with `{}` or `null` and send the arguments after it.
        const isReplaced = !this.isFlowing && left.trimStart().startsWith('{') && this.#isEmptyValue()
        if (isReplaced) this.#restart()
        else if (this.#isComplete) return ''
      }
      const length = this.#read(left)
      this.#keep(left.slice(0, length))
      if (this.#state === 'object' && this.#hasMembers) return this.#pass(this.#held)
      left = left.slice(length)
      if (!left.startsWith('{')) return ''
    }
  }

  #keep(text: string): void {
    if (this.#whole !== undefined) {
      this.#whole = this.#whole.length + text.length > 65_536 ? undefined : this.#whole + text
    }
    if (this.#held.length < maxHeldLength) this.#held += text
  }

  /** The call has ended. @returns the rest that makes the whole an object */
  end(): string {
    return this.isFlowing ? '' : this.#pass(objectText(this.#held))
  }

  #pass(text: string): string {
    this.#passedLength += text.length
    this.#held = ''
    return text
  }

  #isEmptyValue(): boolean {
    if (this.#hasMembers || this.#held.length > maxEmptyLength) return false
    return /^\s*(?:\{\s*\}|null|""|\[\s*\])\s*$/.test(this.#held)
  }

  #restart(): void {
    this.#state = 'blank'
    this.#isComplete = false
    this.#hasMembers = false
    this.#depth = 0
    this.#held = ''
    this.#whole = ''
  }

  /** Scans the value. @returns the length of the part that belongs to it */
  #read(text: string): number {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (this.#state === 'blank') this.#begin(code)
      else if (this.#state === 'other') return text.length
      else if (this.#isEscaped) this.#isEscaped = false
      else if (this.#isInString) this.#readString(code)
      else this.#readObject(code)
      if (this.#isComplete) return at + 1
    }
    return text.length
  }

  #begin(code: number): void {
    if (isSpace(code)) return
    if (code === 0x7b) {
      this.#state = 'object'
      this.#depth = 1
    } else if (code === 0x22) {
      this.#state = 'string'
      this.#isInString = true
    } else this.#state = 'other'
  }

  #readString(code: number): void {
    if (code === 0x5c) this.#isEscaped = true
    else if (code === 0x22) {
      this.#isInString = false
      this.#isComplete = this.#state === 'string'
    }
  }

  #readObject(code: number): void {
    if (isSpace(code)) return
    if (code === 0x22) this.#isInString = true
    else if (code === 0x7b || code === 0x5b) this.#depth++
    else if (code === 0x7d || code === 0x5d) {
      this.#isComplete = --this.#depth <= 0
      if (this.#isComplete) return
    }
    this.#hasMembers = true
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}
