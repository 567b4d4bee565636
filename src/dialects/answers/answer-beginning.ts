import type { AnswerFraming } from '../../http/headers/media-type.ts'
import { SseReader } from '../../kernel/stream/sse-reader.ts'
import type { AnswerForm, EventContent, LineForm } from '../contract/answer-form.ts'
import { type BadAnswer, errorIn, errorOfEvent } from '../errors/bad-answer.ts'
import { type Judgement, judgeWhole } from './whole-answer.ts'

/** Judges the beginning of an answer. */
export interface AnswerJudge {
  push(chunk: Buffer): Judgement
  /** The answer has ended. */
  end(): Judgement
}

const emptyAnswer: BadAnswer = { reason: 'empty' }
const webPage: BadAnswer = { reason: 'a web page' }
const endedEarly: BadAnswer = { reason: 'ended before it was complete' }
const withoutContent: BadAnswer = { reason: 'no content', isEmpty: true }

/** Maximum number of bytes held back before the answer passes unjudged. */
const maxHeldBytes = 65_536
/** Of a stream: the first events of a response repeat its instructions and tools, twice. */
const maxHeldEventBytes = 131_072

const space = 0x20
const lessThan = 0x3c
const openBrace = 0x7b
const colon = 0x3a
const lineFeed = 0x0a
const bom = 0xef
const bomBytes = 3
const letterA = 0x61
const letterZ = 0x7a
const maxFieldLength = 'error:'.length
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Judges the beginning of a 2xx answer. Anything that may be legitimate passes; only an error, a web page and an empty
 * answer do not. The bytes take precedence over the content type, because servers mislabel JSON as text, and whole
 * answers as streams.
 */
export class BeginningJudge implements AnswerJudge {
  readonly #form: AnswerForm
  readonly #framing: AnswerFraming
  /** A few bytes that may be the start of a byte order mark or of a field name. */
  #cut: Buffer = noBytes
  #blankBytes = 0
  #isBlank = true
  #judge: AnswerJudge | undefined

  constructor(form: AnswerForm, framing: AnswerFraming) {
    this.#form = form
    this.#framing = framing
  }

  push(chunk: Buffer): Judgement {
    if (this.#judge !== undefined) return this.#judge.push(chunk)
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk])
    const first = firstByte(bytes)
    if (first === undefined || isCutField(bytes, first)) {
      this.#blankBytes += chunk.length
      this.#isBlank = first === undefined
      // White space decides nothing, however long it is.
      if (first !== undefined) this.#cut = bytes.subarray(first)
      else this.#cut = bytes.length < bomBytes ? bytes : noBytes
      return this.#blankBytes > maxHeldBytes ? 'good' : 'undecided'
    }
    if (bytes[first] === lessThan || this.#framing === 'html') return webPage
    this.#judge = judgeFor(this.#form, this.#framing, bytes, first)
    return this.#judge === undefined ? 'good' : this.#judge.push(bytes)
  }

  end(): Judgement {
    if (this.#judge !== undefined) return this.#judge.end()
    return this.#isBlank ? emptyAnswer : 'good'
  }
}

/**
 * Whether a single chunk proves that a stream is an answer, as most first chunks do: an event with content follows
 * events without. False if more bytes are needed.
 */
export function firstChunkIsGood(form: AnswerForm, chunk: Buffer): boolean {
  let at = 0
  for (;;) {
    let name = ''
    if (startsWith(chunk, at, eventField)) {
      const end = chunk.indexOf(lineFeed, at)
      if (end < 0) return false
      name = chunk.toString('latin1', at + eventField.length, end)
      if (name.includes('\r')) return false
      at = end + 1
    }
    if (!startsWith(chunk, at, dataField) || chunk[at + dataField.length] !== openBrace) return false
    const end = chunk.indexOf(lineFeed, at)
    if (end < 0 || chunk[end + 1] !== lineFeed) return false
    const text = chunk.toString('utf8', at + dataField.length, end)
    // A carriage return also ends a line.
    if (text.includes('\r')) return false
    const judgement = judgeEvent(form, text.trim(), name)
    if (judgement !== 'idle') return judgement === 'good'
    at = end + 2
  }
}

const dataField = 'data: '
const eventField = 'event: '

function startsWith(bytes: Buffer, at: number, field: string): boolean {
  for (let each = 0; each < field.length; each++)
    if (bytes[at + each] !== field.charCodeAt(each)) return false
  return true
}

function judgeFor(
  form: AnswerForm,
  framing: AnswerFraming,
  bytes: Buffer,
  first: number,
): AnswerJudge | undefined {
  if (bytes[first] === openBrace)
    return framing === 'ndjson' ? new LineJudge(form.stream?.lines) : new WholeJudge()
  if (framing === 'sse' || startsField(bytes, first)) return new EventJudge(form)
  return undefined
}

/** Offset of the first byte after white space and a byte order mark; undefined if there is none. */
function firstByte(bytes: Buffer): number | undefined {
  let at = bytes[0] === bom ? bomBytes : 0
  while (at < bytes.length && (bytes[at] ?? 0) <= space) at++
  return at < bytes.length ? at : undefined
}

/** Whether more bytes are needed to distinguish a field name from other text. */
function isCutField(bytes: Buffer, at: number): boolean {
  const byte = bytes[at] ?? 0
  return bytes.length - at < maxFieldLength && byte >= letterA && byte <= letterZ
}

function startsField(bytes: Buffer, at: number): boolean {
  return bytes[at] === colon || /^(?:data|event|id|retry|error):/.test(bytes.toString('latin1', at, at + 8))
}

/** Judges a single JSON text. */
class WholeJudge implements AnswerJudge {
  #chunks: Buffer[] = []
  #bytes = 0
  /** The judge parses again when the bytes have doubled, so the total work stays linear. */
  #nextBytes = 0

  push(chunk: Buffer): Judgement {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#nextBytes) return 'undecided'
    this.#nextBytes = this.#bytes * 2
    const judgement = judgeWhole(this.#joined(), false)
    return judgement === 'undecided' && this.#bytes > maxHeldBytes ? 'good' : judgement
  }

  end(): Judgement {
    return judgeWhole(this.#joined(), true)
  }

  #joined(): Buffer {
    const [first] = this.#chunks
    const all = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }
}

/** Judges one JSON text per line. */
class LineJudge implements AnswerJudge {
  readonly #form: LineForm | undefined
  #line: Buffer[] = []
  #bytes = 0
  #hasAnswer = false
  #isComplete = false

  constructor(form: LineForm | undefined) {
    this.#form = form
  }

  push(chunk: Buffer): Judgement {
    this.#bytes += chunk.length
    let at = 0
    for (;;) {
      const end = chunk.indexOf(lineFeed, at)
      this.#line.push(chunk.subarray(at, end < 0 ? chunk.length : end))
      if (end < 0) return this.#bytes > maxHeldBytes ? 'good' : 'undecided'
      const judgement = this.#judge()
      if (judgement !== 'undecided') return judgement
      at = end + 1
    }
  }

  end(): Judgement {
    const judgement = this.#judge()
    if (judgement !== 'undecided') return judgement
    if (this.#isComplete) return withoutContent
    return this.#hasAnswer ? endedEarly : emptyAnswer
  }

  #judge(): Judgement {
    const line = Buffer.concat(this.#line)
    this.#line = []
    if (firstByte(line) === undefined) return 'undecided'
    const text = line.toString('utf8')
    const bad = this.#form?.mayBeError(text) === false ? undefined : errorIn(text)
    if (bad !== undefined) return bad
    this.#hasAnswer = true
    const content = this.#form?.contentOf(text) ?? 'content'
    this.#isComplete ||= content === 'empty_end'
    return content !== 'content' && this.#bytes <= maxHeldBytes ? 'undecided' : 'good'
  }
}

class EventJudge implements AnswerJudge {
  readonly #form: AnswerForm
  readonly #reader: SseReader
  #judgement: Judgement = 'undecided'
  #hasAnswer = false
  /** The answer has ended without content; what follows reports its usage. */
  #isComplete = false
  #bytes = 0

  constructor(form: AnswerForm) {
    this.#form = form
    this.#reader = new SseReader((data, name) => {
      if (this.#judgement === 'undecided') this.#judgement = this.#judge(data, name)
    }, maxHeldEventBytes)
  }

  push(chunk: Buffer): Judgement {
    this.#bytes += chunk.length
    this.#reader.push(chunk)
    if (this.#judgement !== 'undecided') return this.#judgement
    return this.#bytes > maxHeldEventBytes ? 'good' : 'undecided'
  }

  end(): Judgement {
    this.#reader.end()
    if (this.#judgement !== 'undecided') return this.#judgement
    if (this.#isComplete) return withoutContent
    return this.#hasAnswer ? endedEarly : emptyAnswer
  }

  #judge(data: Buffer, name: string): Judgement {
    const text = data.toString('utf8').trim()
    if (text === '') return 'undecided'
    if (text === '[DONE]') {
      if (!this.#hasAnswer) return emptyAnswer
      if (this.#form.stream?.endsWithDone === true) this.#isComplete = true
      return this.#isComplete ? 'undecided' : endedEarly
    }
    const judgement = judgeEvent(this.#form, text, name)
    if (typeof judgement === 'object') return judgement
    this.#hasAnswer = true
    this.#isComplete ||= judgement === 'empty_end'
    return judgement === 'good' ? 'good' : 'undecided'
  }
}

/** Judges an event that is neither empty nor `[DONE]`. */
function judgeEvent(
  form: AnswerForm,
  text: string,
  name: string,
): 'good' | Exclude<EventContent, 'content'> | BadAnswer {
  if (name === 'error') return errorOfEvent(text)
  // An event with generated content has no such key at any depth, because quotes inside strings are escaped.
  const mayBeError = errorMember.test(text)
  if (!mayBeError && form.stream?.startsText(text) === true) return 'good'
  const content = form.stream?.contentOf(text, name) ?? 'content'
  if (content !== 'content') return content
  return (mayBeError ? errorIn(text) : undefined) ?? 'good'
}

const errorMember = /"(?:errors?|detail|message|msg|response|response\.failed)"/
