import type { AnswerFraming } from '../../http/headers/media-type.ts'
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  openBrace,
  openBracket,
  quote,
} from '../../kernel/json/json-bytes.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'

const noBytes: Buffer = Buffer.alloc(0)
const space = 0x20
const lineFeed = 0x0a
const carriageReturn = 0x0d
const data: Buffer = Buffer.from('data:')
/** Of the UTF-8 byte order mark. */
const bom = 0xef
/** Longest key that is looked at; a name may be written in escapes. */
const longestKey = 48

/** Longest beginning of an event that is remembered. */
const longestPrefix = 1_024
const modelKey: Buffer = Buffer.from('"model"')
const escapeMark: Buffer = Buffer.from('\\u')

/** Where in the framing the next byte stands. */
type Place = 'unknown' | 'line start' | 'other line' | 'text'
/** What the string is that the next byte stands in. */
type StringKind = 'none' | 'key' | 'other' | 'model'

/** Which object of an answer names the model beside the answer itself. */
export type InnerObject = 'message' | 'response' | undefined

/**
 * Gives the answers of an endpoint the model name that the client asked for, whatever the endpoint calls it. It
 * follows the structure of the JSON texts in an answer: the `model` at the top, and the one in the object that an API
 * puts around its message, get the name; nothing deeper is touched, such as arguments of tools. Nothing is held back.
 */
export class ModelRename implements AnswerTransform {
  readonly #name: Buffer
  readonly #inner: InnerObject
  #isSse: boolean
  readonly #isLines: boolean
  #place: Place
  /** Of `data:`, at the start of a line. */
  #matched = 0
  #isAfterCr = false
  /** In the JSON text: how deep, and at which depth keys count. */
  #depth = 0
  #keyDepth = 1
  #string: StringKind = 'none'
  #isEscaped = false
  #isKeyNext = false
  #key = ''
  /** The value that comes next belongs to `model`, or to the inner object. */
  #pending: 'model' | 'inner' | undefined
  /** What the last event began with, to behind its model, and the same with the client's name. */
  #prefix: Buffer | undefined
  #renamedPrefix = noBytes
  /** Nothing in the rest of this text counts. */
  #isDone = false

  /** @param name the client's */
  constructor(name: string, framing: AnswerFraming, inner: InnerObject) {
    this.#name = Buffer.from(JSON.stringify(name))
    this.#inner = inner
    this.#isSse = framing === 'sse'
    this.#isLines = framing === 'ndjson'
    this.#place =
      framing === 'sse' ? 'line start' : framing === 'ndjson' || framing === 'json' ? 'text' : 'unknown'
  }

  push(chunk: Buffer): Buffer {
    const isAtEvent = this.#isAtEvent
    if (isAtEvent && namesNothing(chunk)) return chunk
    const parts: Buffer[] = []
    let copied = this.#string === 'model' ? chunk.length : 0
    let start = 0
    if (isAtEvent && this.#prefix !== undefined && startsWith(chunk, this.#prefix)) {
      start = this.#prefix.length
      parts.push(this.#renamedPrefix)
      copied = start
      this.#place = 'text'
      this.#isDone = true
    }
    const hasCr = this.#isSse && chunk.includes(carriageReturn)
    let at = start
    while (at < chunk.length) {
      if (this.#isInString) {
        const wasModel = this.#string === 'model'
        at = this.#inString(chunk, at)
        if (wasModel && !this.#isInString) {
          copied = at
          this.#isDone = this.#inner === undefined && this.#hasLines
          if (isAtEvent && this.#isDone && parts.length === 2) this.#remember(chunk, at, parts)
        }
        continue
      }
      const byte = chunk[at] ?? 0
      if (this.#place === 'unknown') this.#recognize(byte)
      if (this.#place === 'other line' || this.#isDone) {
        at = this.#skip(chunk, at, hasCr)
        continue
      }
      if (this.#place === 'line start') this.#lineStart(byte)
      else if (byte <= space) this.#blank(byte)
      else if (byte === quote && this.#opensModel()) {
        parts.push(chunk.subarray(copied, at), this.#name)
        copied = chunk.length
      } else this.#mark(byte)
      at++
    }
    if (parts.length === 0) return copied === 0 ? chunk : chunk.subarray(copied)
    if (copied < chunk.length) parts.push(chunk.subarray(copied))
    return Buffer.concat(parts)
  }

  /** At the beginning of an event, with nothing open. */
  get #isAtEvent(): boolean {
    return (
      this.#place === 'line start' &&
      this.#matched === 0 &&
      this.#depth === 0 &&
      !this.#isDone &&
      !this.#isInString
    )
  }

  /** The events of one answer begin alike: the next one need not be read as far as its model. */
  #remember(chunk: Buffer, end: number, parts: readonly Buffer[]): void {
    if (end > longestPrefix) return
    this.#prefix = Buffer.from(chunk.subarray(0, end))
    this.#renamedPrefix = Buffer.concat(parts)
  }

  get #isInString(): boolean {
    return this.#string !== 'none'
  }

  /** Whether each line, or each event, is a text of its own. */
  get #hasLines(): boolean {
    return this.#isSse || this.#isLines
  }

  /** Nothing is held back. */
  end(): Buffer {
    return noBytes
  }

  /** The content type did not say it: JSON begins with a brace, events with a name. */
  #recognize(byte: number): void {
    if (byte <= space) return
    this.#isSse = byte !== openBrace && byte !== openBracket
    this.#place = this.#isSse ? 'line start' : 'text'
  }

  /** Passes over what does not count. @returns where it ends */
  #skip(chunk: Buffer, from: number, hasCr: boolean): number {
    let at = from
    if (hasCr) while (at < chunk.length && chunk[at] !== lineFeed && chunk[at] !== carriageReturn) at++
    else {
      const found = chunk.indexOf(lineFeed, at)
      at = found < 0 ? chunk.length : found
    }
    if (at === chunk.length) return at
    this.#blank(chunk[at] ?? 0)
    return at + 1
  }

  #lineStart(byte: number): void {
    if (byte === lineFeed || byte === carriageReturn) {
      this.#blank(byte)
      return
    }
    this.#isAfterCr = false
    if (byte === data[this.#matched]) {
      this.#matched++
      if (this.#matched === data.length) this.#place = 'text'
    } else if (byte < bom - 0x40 || this.#matched > 0) {
      this.#place = 'other line'
    }
  }

  /** White space in a text, and ends of lines. */
  #blank(byte: number): void {
    if (byte !== lineFeed && byte !== carriageReturn) return
    if (this.#isLines) {
      this.#reset()
      return
    }
    if (!this.#isSse) return
    const isSecondHalf = byte === lineFeed && this.#isAfterCr
    this.#isAfterCr = byte === carriageReturn
    if (isSecondHalf) return
    // An empty line ends the event, and with it its text.
    if (this.#place === 'line start' && this.#matched === 0) this.#reset()
    this.#place = 'line start'
    this.#matched = 0
  }

  #reset(): void {
    this.#depth = 0
    this.#keyDepth = 1
    this.#pending = undefined
    this.#isDone = false
  }

  /** Whether a string begins here that is the model's name; begins any other one as well. */
  #opensModel(): boolean {
    const isCounting = this.#depth === this.#keyDepth
    if (isCounting && this.#isKeyNext) {
      this.#string = 'key'
      this.#key = ''
      return false
    }
    if (isCounting && this.#pending === 'model') {
      this.#pending = undefined
      this.#string = 'model'
      return true
    }
    this.#string = 'other'
    return false
  }

  #mark(byte: number): void {
    switch (byte) {
      case quote:
        return
      case openBrace:
      case openBracket:
        this.#open(byte === openBrace)
        return
      case closeBrace:
      case closeBracket:
        this.#depth--
        if (this.#depth < this.#keyDepth) this.#keyDepth = 1
        if (this.#depth <= 0) this.#ends()
        this.#isKeyNext = false
        return
      case comma:
        if (this.#depth === this.#keyDepth) this.#isKeyNext = true
        this.#pending = this.#depth === this.#keyDepth ? undefined : this.#pending
        return
      case colon:
        if (this.#depth === this.#keyDepth) this.#isKeyNext = false
        return
      default:
        // Not an object: whatever it is, it names no model.
        if (this.#depth === 0) this.#isDone = this.#hasLines
    }
  }

  #open(isObject: boolean): void {
    this.#depth++
    if (this.#depth === 1) {
      this.#isKeyNext = isObject
      this.#isDone ||= !isObject && this.#hasLines
    } else if (this.#depth === 2 && this.#keyDepth === 1 && this.#pending === 'inner' && isObject) {
      this.#keyDepth = 2
      this.#isKeyNext = true
    }
    this.#pending = undefined
  }

  #ends(): void {
    this.#reset()
    this.#isDone = this.#hasLines
  }

  /** @returns where the string ends, or the chunk */
  #inString(chunk: Buffer, from: number): number {
    let at = from
    if (this.#isEscaped) {
      this.#isEscaped = false
      at++
    }
    while (at < chunk.length) {
      const byte = chunk[at]
      if (byte === quote) {
        this.#note(chunk, from, at)
        if (this.#string === 'key') this.#endKey()
        this.#string = 'none'
        return at + 1
      }
      if (byte === backslash) at++
      else if (byte !== undefined && byte < space && this.#hasLines && isLineEnd(byte)) {
        // A text that is broken does not break the next one.
        this.#string = 'none'
        this.#isDone = true
        return at
      }
      at++
    }
    this.#note(chunk, from, chunk.length)
    this.#isEscaped = at > chunk.length
    return chunk.length
  }

  #note(chunk: Buffer, from: number, end: number): void {
    if (this.#string !== 'key' || this.#key.length > longestKey) return
    this.#key += chunk.toString('latin1', from, Math.min(end, from + longestKey + 1))
  }

  #endKey(): void {
    const name = this.#key.includes('\\') ? unescaped(this.#key) : this.#key
    this.#isKeyNext = false
    this.#pending =
      name === 'model' ? 'model' : this.#keyDepth === 1 && name === this.#inner ? 'inner' : undefined
  }
}

/** Whether these bytes are whole events without a key `model`, however it is written. */
function namesNothing(chunk: Buffer): boolean {
  const { length } = chunk
  if (chunk[length - 1] !== lineFeed || chunk[length - 2] !== lineFeed) return false
  return !chunk.includes(modelKey) && !chunk.includes(escapeMark)
}

function startsWith(chunk: Buffer, prefix: Buffer): boolean {
  return chunk.length >= prefix.length && chunk.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
}

function isLineEnd(byte: number): boolean {
  return byte === lineFeed || byte === carriageReturn
}

function unescaped(key: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${key}"`)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
