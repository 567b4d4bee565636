import type { LineForm, StreamForm } from '../contract/answer-form.ts'
import { type AnswerError, readAnswerError } from '../errors/error-object.ts'
import { LastBytes } from '../usage/last-bytes.ts'

/** How a stream ended that the endpoint closed properly. */
export interface StreamEnding {
  /**
   * - `missing`: a stream of this API without its ending
   * - `failed`: the stream reported an error
   * - `unknown`: another stream, which may be complete
   */
  readonly kind: 'complete' | 'missing' | 'failed' | 'unknown'
  /** Set for `failed`. */
  readonly error?: AnswerError | undefined
  /** Set for `failed`: whether clients of the API recognize the error. */
  readonly isVisible?: boolean
}

/** Endings and errors are at the end, followed at most by an event with the usage and one that ends the stream. */
const tailBytes = 4_096
/** The first bytes of a line longer than the tail identify it. */
const headBytes = 512
/** Shorter lines are whole in the tail, unless more follows than an ending has. */
const longLineBytes = 1_024
/** An error is either the end or right before it. */
const errorBytes = 1_500
/** An ending in its usual form is within these last bytes. */
const lastBytes = 96
const failurePattern = /error|abort/
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Values of `finish_reason` that report an incomplete answer. */
const brokenFinish = /(?<!\\)"finish_reason"\s*:\s*"(?:error|abort|aborted|network_error)"/

/**
 * Watches a stream for its ending. Per chunk it only stores a reference: it reads the end of the stream, and the
 * beginnings of lines that are longer than the tail.
 */
export class StreamWatch {
  readonly #form: StreamForm
  readonly #tail = new LastBytes(tailBytes)
  /** The beginning of the current line, which has not ended. */
  #head = ''
  /** Length of that line so far. */
  #lineBytes = 0
  #hasEnded = false

  constructor(form: StreamForm) {
    this.#form = form
  }

  push(chunk: Buffer): void {
    this.#tail.push(chunk)
    const { length } = chunk
    if (length > tailBytes && isInLongLine(chunk, length - tailBytes))
      this.#findEnding(chunk.toString('latin1'))
    const last = chunk[length - 1]
    if (this.#lineBytes === 0 && (last === lineFeed || last === carriageReturn)) return
    this.#openLine(chunk)
  }

  #openLine(chunk: Buffer): void {
    const start = Math.max(chunk.lastIndexOf(lineFeed), chunk.lastIndexOf(carriageReturn)) + 1
    if (this.#lineBytes > 0) {
      if (this.#head.length < headBytes) this.#head += chunk.toString('latin1', 0, headBytes)
      if (start > 0 && this.#lineBytes + firstLineEnd(chunk, start) > longLineBytes)
        this.#findEnding(this.#head)
    }
    if (start > 0 || this.#lineBytes === 0) {
      this.#head = chunk.toString('latin1', start, start + headBytes)
      this.#lineBytes = 0
    }
    this.#lineBytes += chunk.length - start
  }

  #findEnding(text: string): void {
    this.#hasEnded ||= this.#form.ends.test(text)
  }

  /** The last bytes so far, as latin1. */
  get tail(): string {
    return this.#tail.peek().toString('latin1')
  }

  /** The endpoint has closed the stream. */
  end(): StreamEnding {
    const form = this.#form
    const { isCut } = this.#tail
    const { usualEnd, lines: lineForm } = form
    if (usualEnd !== undefined && endsNormally(this.#tail.last(errorBytes), usualEnd))
      return { kind: 'complete' }
    const text = this.#tail.peek().toString('utf8')
    const lines = text.split(/\r\n|\r|\n/)
    const failure = lineForm === undefined ? eventFailure(form, lines) : lineFailure(form, lineForm, lines)
    if (failure !== undefined) return failure
    if (brokenFinish.test(text)) return { kind: 'failed', isVisible: true }
    this.#findEnding(this.#head)
    // Whole lines are parsed, so an earlier match may have been inside a string.
    const wasSeen = this.#hasEnded && (isCut || lineForm === undefined)
    if (wasSeen || hasEnding(form, lines, text, isCut)) return { kind: 'complete' }
    return { kind: form.belongs.test(text) ? 'missing' : 'unknown' }
  }
}

/** Whether the line at this offset is longer than what is read of a line. */
function isInLongLine(chunk: Buffer, at: number): boolean {
  const end = chunk.indexOf(lineFeed, at)
  return end < 0 || end - chunk.lastIndexOf(lineFeed, at) > longLineBytes
}

function firstLineEnd(chunk: Buffer, otherwise: number): number {
  const end = chunk.indexOf(lineFeed)
  return end < 0 ? otherwise : end
}

/** Most streams end well and in the usual form, which their last bytes show. */
function endsNormally(bytes: Buffer, usualEnd: Buffer): boolean {
  if (!bytes.includes(usualEnd, Math.max(0, bytes.length - lastBytes))) return false
  // A pattern takes a quarter of the time of `includes`, whose first letter occurs often.
  return !failurePattern.test(bytes.toString('latin1', Math.max(0, bytes.length - errorBytes)))
}

function hasEnding(
  { ends, lines: lineForm }: StreamForm,
  lines: readonly string[],
  text: string,
  isCut: boolean,
): boolean {
  if (lineForm === undefined) return ends.test(text)
  // Tool arguments are objects here and may contain the mark.
  const last = lines.findLast((line) => line.trim() !== '') ?? ''
  const value = parsed(last)
  return value === undefined ? isCut && ends.test(last) : lineForm.isLast(value)
}

function lineFailure(
  form: StreamForm,
  lineForm: LineForm,
  lines: readonly string[],
): StreamEnding | undefined {
  const line = lines.findLast((each) => each.trim() !== '')
  const value = line === undefined || !line.includes('"error"') ? undefined : parsed(line)
  if (value === undefined || lineForm.isContent(value)) return undefined
  const error = readAnswerError(value)
  return error && { kind: 'failed', error, isVisible: form.isErrorEvent('', value) }
}

function eventFailure(form: StreamForm, lines: readonly string[]): StreamEnding | undefined {
  let name = ''
  for (const line of lines) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).trim()
    if (line === '') name = ''
    else if (field === 'event') name = value
    else if (field === 'error') return failureOf(form, 'error', value, false)
    else if (
      field === 'data' &&
      (name === 'error' || value.includes('"error"') || value.includes('"response.failed"'))
    ) {
      const failure = failureOf(form, name, value, true)
      if (failure !== undefined) return failure
    }
  }
  return undefined
}

function failureOf(form: StreamForm, name: string, data: string, isData: boolean): StreamEnding | undefined {
  const value = parsed(data)
  const error =
    readAnswerError(value) ??
    (name === 'error' ? readAnswerError({ error: value ?? (data || 'error') }) : undefined)
  if (error === undefined) return undefined
  const isVisible = isData && value !== undefined && form.isErrorEvent(name, value)
  return { kind: 'failed', error, isVisible }
}

type JsonObject = Readonly<Record<string, unknown>>

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined
  } catch {
    return undefined
  }
}
