import { skipSpace } from '../../kernel/json/json-bytes.ts'

const colon = 0x3a
const quote = 0x22
const openBracket = 0x5b
const closeBracket = 0x5d

/**
 * Recognizes events with content without parsing them. The events of one answer are alike, so the key is usually at the
 * same offset as in the previous event.
 */
export class ContentScan {
  readonly #keys: RegExp
  #key = ''
  #offset = 0

  /** @param keys that carry content, one token per event */
  constructor(keys: RegExp) {
    this.#keys = keys
  }

  /** Whether the event in these bytes carries content. */
  finds(bytes: Buffer, start: number, end: number): boolean {
    const expected = start + this.#offset
    const afterKey = expected + this.#key.length
    if (this.#key !== '' && afterKey < end && isAt(bytes, expected, this.#key)) {
      if (hasContent(bytes, afterKey, end)) return true
    }
    const event = bytes.toString('latin1', start, end)
    const keys = this.#keys
    keys.lastIndex = 0
    for (let found = keys.exec(event); found !== null; found = keys.exec(event)) {
      const [key] = found
      if (!hasContent(bytes, start + keys.lastIndex, end)) continue
      this.#key = key
      this.#offset = found.index
      return true
    }
    return false
  }
}

function isAt(bytes: Buffer, at: number, key: string): boolean {
  for (let index = 0; index < key.length; index++) {
    if (bytes[at + index] !== key.charCodeAt(index)) return false
  }
  return true
}

/**
 * Whether the value after a key is a non-empty string or list.
 * @param end of the event
 */
function hasContent(bytes: Buffer, afterKey: number, end: number): boolean {
  let at = skipSpace(bytes, afterKey)
  if (bytes[at] !== colon) return false
  at = skipSpace(bytes, at + 1)
  if (at + 1 >= end) return false
  if (bytes[at] === quote) return bytes[at + 1] !== quote
  return bytes[at] === openBracket && bytes[skipSpace(bytes, at + 1)] !== closeBracket
}
