import { customInput } from './custom-input.ts'

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
/** Longest name of a member that is read; `input` is shorter. */
const maxKeyLength = 64

/**
 * Extracts the string `input` from the arguments of a custom tool while they stream. The JSON text may be cut anywhere,
 * also inside an escape.
 */
export class CustomInput {
  #state: 'key' | 'inKey' | 'value' | 'text' | 'skip' | 'done' = 'key'
  #key = ''
  /** Part of an escape, from its backslash on. */
  #escape = ''
  #depth = 0
  #isInString = false
  #isEscaped = false
  #isFound = false

  /** @returns the part of the input that these arguments contain */
  push(args: string): string {
    let input = ''
    let at = 0
    while (at < args.length && this.#state !== 'done') {
      if (this.#state === 'text') {
        const end = this.#escape === '' ? endOfPlain(args, at) : at
        if (end > at) input += args.slice(at, end)
        at = end
        if (at < args.length) input += this.#readText(args.charAt(at++))
      } else this.#read(args.charAt(at++))
    }
    return input
  }

  /**
   * The input of complete arguments without a string `input`: the only string of the object, or the arguments as they are.
   * @returns '' if the input has been read
   */
  end(args: string): string {
    return this.#isFound ? '' : customInput(args)
  }

  #read(char: string): void {
    switch (this.#state) {
      case 'key':
        if (char === '"') {
          this.#state = 'inKey'
          this.#key = ''
        } else if (char === ':') this.#state = 'value'
        else if (char === '}') this.#state = 'done'
        return
      case 'inKey':
        if (this.#isEscaped) this.#isEscaped = false
        else if (char === '\\') this.#isEscaped = true
        else if (char === '"') this.#state = 'key'
        if (this.#key.length < maxKeyLength && this.#state === 'inKey') this.#key += char
        return
      case 'value':
        if (char === '"' && this.#key === 'input') {
          this.#state = 'text'
          this.#isFound = true
        } else if (!isSpace(char)) {
          this.#state = 'skip'
          this.#skip(char)
        }
        return
      default:
        this.#skip(char)
    }
  }

  #skip(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (this.#isInString) {
      if (char === '\\') this.#isEscaped = true
      else if (char === '"') this.#isInString = false
    } else if (char === '"') this.#isInString = true
    else if (char === '{' || char === '[') this.#depth++
    else if (this.#depth > 0 && (char === '}' || char === ']')) this.#depth--
    else if (this.#depth === 0 && char === ',') this.#state = 'key'
    else if (this.#depth === 0 && char === '}') this.#state = 'done'
  }

  #readText(char: string): string {
    if (this.#escape === '') {
      if (char === '"') this.#state = 'done'
      else if (char === '\\') this.#escape = char
      return ''
    }
    this.#escape += char
    if (this.#escape.length === 2 && char !== 'u') return this.#decoded(escapes[char] ?? char)
    if (this.#escape.length < 6) return ''
    const code = Number.parseInt(this.#escape.slice(2), 16)
    return this.#decoded(Number.isNaN(code) ? '\ufffd' : String.fromCharCode(code))
  }

  #decoded(text: string): string {
    this.#escape = ''
    return text
  }
}

/** The index of the next quote or backslash, or the end. */
function endOfPlain(text: string, from: number): number {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22 || code === 0x5c) break
  }
  return at
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\r' || char === '\t'
}
