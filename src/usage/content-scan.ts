import { skipSpace } from '../json/json-bytes.ts'
import type { AnswerApi } from './usage-fields.ts'

const colon = 0x3a
const quote = 0x22
const openBracket = 0x5b
const closeBracket = 0x5d

/** Keys that carry what a model says, one piece per event: text that is not empty, or parts of tool calls. */
const contentMarks: Readonly<Record<AnswerApi, readonly Buffer[]>> = {
  openai: marks('content', 'reasoning_content', 'reasoning', 'text', 'tool_calls'),
  responses: marks('delta'),
  anthropic: marks('text', 'thinking', 'partial_json'),
  ollama: marks('content', 'response', 'thinking', 'tool_calls'),
}

const noMark: Buffer = Buffer.alloc(0)

/**
 * Tells events with content from all others, without parsing them. The events of one answer are alike, so the
 * key is mostly where it was in the last one.
 */
export class ContentScan {
  readonly #marks: readonly Buffer[]
  #mark = noMark
  #offset = 0

  constructor(api: AnswerApi) {
    this.#marks = contentMarks[api]
  }

  /** Whether the event in these bytes carries content. */
  finds(bytes: Buffer, start: number, end: number): boolean {
    const expected = start + this.#offset
    if (this.#mark.length > 0 && expected + this.#mark.length < end && isAt(bytes, expected, this.#mark)) {
      if (hasContent(bytes, expected + this.#mark.length)) return true
    }
    const event = bytes.subarray(start, end)
    for (const mark of this.#marks) {
      const at = event.indexOf(mark)
      if (at < 0 || !hasContent(event, at + mark.length)) continue
      this.#mark = mark
      this.#offset = at
      return true
    }
    return false
  }
}

function isAt(bytes: Buffer, at: number, mark: Buffer): boolean {
  for (let index = 0; index < mark.length; index++) if (bytes[at + index] !== mark[index]) return false
  return true
}

/** Whether the value behind a key is a text or a list with something in it. */
function hasContent(bytes: Buffer, afterKey: number): boolean {
  let at = skipSpace(bytes, afterKey)
  if (bytes[at] !== colon) return false
  at = skipSpace(bytes, at + 1)
  if (bytes[at] === quote) return bytes[at + 1] !== undefined && bytes[at + 1] !== quote
  return bytes[at] === openBracket && bytes[skipSpace(bytes, at + 1)] !== closeBracket
}

function marks(...keys: readonly string[]): Buffer[] {
  return keys.map((key) => Buffer.from(JSON.stringify(key)))
}
