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
/** First byte of the UTF-8 byte order mark. */
const bom = 0xef
/** Longest key that is compared. A key may be written in escapes. */
const maxKeyLength = 48

/** Longest event prefix that is remembered. */
const maxPrefixBytes = 1_024
const modelKey: Buffer = Buffer.from('"model"')
const escapeMark: Buffer = Buffer.from('\\u')

/** Position of the next byte in the framing. */
type Place = 'unknown' | 'line start' | 'other line' | 'text'
/** Type of the string that contains the next byte. */
type StringKind = 'none' | 'key' | 'other' | 'model'

/** The object of an answer that names the model besides the answer itself. */
export type InnerObject = 'message' | 'response' | undefined

/**
 * Replaces the endpoint's model name in answers with the name that the client requested. It follows the structure of
 * the JSON texts: it replaces `model` at the top level and in the object that an API wraps around its message. Deeper
 * keys, such as those of tool arguments, stay. It holds nothing back.
 */
export class ModelRename implements AnswerTransform {
  readonly #name: Buffer
  readonly #inner: InnerObject
  #isSse: boolean
  readonly #isLines: boolean
  #place: Place
  /** Number of bytes of `data:` matched at the start of a line. */
  #matched = 0
  #isAfterCr = false
  /** Depth in the JSON text, and the depth at which keys count. */
  #depth = 0
  #keyDepth = 1
  #string: StringKind = 'none'
  #isEscaped = false
  #isKeyNext = false
  #key = ''
  /** The next value belongs to `model` or to the inner object. */
  #pending: 'model' | 'inner' | undefined
  /** The beginning of the last event up to its model, and the same with the client's name. */
  #prefix: Buffer | undefined
  #renamedPrefix = noBytes
  /** The rest of this text contains no model name. */
  #isDone = false

  /** @param name that the client uses */
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
    if (isAtEvent && hasNoModelKey(chunk)) return chunk
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
      else if (byte === quote && this.#startsModel()) {
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

  /** The events of one answer begin alike, so the next one can skip the scan up to its model. */
  #remember(chunk: Buffer, end: number, parts: readonly Buffer[]): void {
    if (end > maxPrefixBytes) return
    this.#prefix = Buffer.from(chunk.subarray(0, end))
    this.#renamedPrefix = Buffer.concat(parts)
  }

  get #isInString(): boolean {
    return this.#string !== 'none'
  }

  /** Whether each line or event is a JSON text of its own. */
  get #hasLines(): boolean {
    return this.#isSse || this.#isLines
  }

  /** There are no bytes to flush. */
  end(): Buffer {
    return noBytes
  }

  /** If the content type is unknown, a brace or bracket indicates JSON, other bytes events. */
  #recognize(byte: number): void {
    if (byte <= space) return
    this.#isSse = byte !== openBrace && byte !== openBracket
    this.#place = this.#isSse ? 'line start' : 'text'
  }

  /** Skips what does not count. @returns where to continue */
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

  /** Handles white space in a text, and line ends. */
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
    // An empty line ends the event and its text.
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

  /** Whether this quote opens the model's name. Also records the start of any other string. */
  #startsModel(): boolean {
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
        // A value that is not an object names no model.
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

  /** @returns the offset after the string, or after the chunk */
  #inString(chunk: Buffer, from: number): number {
    let at = from
    if (this.#isEscaped) {
      this.#isEscaped = false
      at++
    }
    while (at < chunk.length) {
      const byte = chunk[at]
      if (byte === quote) {
        this.#collectKey(chunk, from, at)
        if (this.#string === 'key') this.#endKey()
        this.#string = 'none'
        return at + 1
      }
      if (byte === backslash) at++
      else if (byte !== undefined && byte < space && this.#hasLines && isLineEnd(byte)) {
        // A broken text must not affect the next one.
        this.#string = 'none'
        this.#isDone = true
        return at
      }
      at++
    }
    this.#collectKey(chunk, from, chunk.length)
    this.#isEscaped = at > chunk.length
    return chunk.length
  }

  #collectKey(chunk: Buffer, from: number, end: number): void {
    if (this.#string !== 'key' || this.#key.length > maxKeyLength) return
    this.#key += chunk.toString('latin1', from, Math.min(end, from + maxKeyLength + 1))
  }

  #endKey(): void {
    const name = this.#key.includes('\\') ? unescaped(this.#key) : this.#key
    this.#isKeyNext = false
    this.#pending =
      name === 'model' ? 'model' : this.#keyDepth === 1 && name === this.#inner ? 'inner' : undefined
  }
}

/** Whether these bytes are whole events without a `model` key, escaped or not. */
function hasNoModelKey(chunk: Buffer): boolean {
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
