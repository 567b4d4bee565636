import type { AnswerFraming } from '../../http/headers/media-type.ts'
import { SseReader } from '../../kernel/stream/sse-reader.ts'
import type { AnswerForm, LineForm } from '../contract/answer-form.ts'
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

/** Maximum number of bytes held back before the answer passes unjudged. */
const maxHeldBytes = 65_536
/** Events without content may precede an error. They hold an answer back for at most this many bytes. */
const maxIdleBytes = 16_384

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
 * Whether a single chunk proves that a stream is an answer, as most first chunks do: its first events are idle or carry
 * content. False if more bytes are needed.
 */
export function firstChunkIsGood(form: AnswerForm, chunk: Buffer): boolean {
  let at = 0
  while (startsObject(chunk, at)) {
    const end = chunk.indexOf(lineFeed, at)
    if (end < 0 || chunk[end + 1] !== lineFeed) return false
    const text = chunk.toString('utf8', at + dataField.length, end)
    // A carriage return also ends a line.
    if (text.includes('\r')) return false
    const judgement = judgeEvent(form, text.trim(), '')
    if (judgement !== 'idle') return judgement === 'good'
    at = end + 2
  }
  return false
}

const dataField = 'data: '

function startsObject(bytes: Buffer, at: number): boolean {
  if (bytes[at + dataField.length] !== openBrace) return false
  for (let each = 0; each < dataField.length; each++)
    if (bytes[at + each] !== dataField.charCodeAt(each)) return false
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
    const isIdle = this.#form?.isIdle(text) === true
    return isIdle && this.#bytes <= maxIdleBytes ? 'undecided' : 'good'
  }
}

class EventJudge implements AnswerJudge {
  readonly #form: AnswerForm
  readonly #reader: SseReader
  #judgement: Judgement = 'undecided'
  #hasAnswer = false
  #bytes = 0

  constructor(form: AnswerForm) {
    this.#form = form
    this.#reader = new SseReader((data, name) => {
      if (this.#judgement === 'undecided') this.#judgement = this.#judge(data, name)
    }, maxHeldBytes)
  }

  push(chunk: Buffer): Judgement {
    this.#bytes += chunk.length
    this.#reader.push(chunk)
    if (this.#judgement !== 'undecided') return this.#judgement
    return this.#bytes > (this.#hasAnswer ? maxIdleBytes : maxHeldBytes) ? 'good' : 'undecided'
  }

  end(): Judgement {
    this.#reader.end()
    if (this.#judgement !== 'undecided') return this.#judgement
    return this.#hasAnswer ? endedEarly : emptyAnswer
  }

  #judge(data: Buffer, name: string): Judgement {
    const text = data.toString('utf8').trim()
    if (text === '') return 'undecided'
    if (text === '[DONE]') {
      if (!this.#hasAnswer) return emptyAnswer
      return this.#form.stream?.endsWithDone === true ? 'good' : endedEarly
    }
    const judgement = judgeEvent(this.#form, text, name)
    if (typeof judgement === 'object') return judgement
    this.#hasAnswer = true
    return judgement === 'idle' ? 'undecided' : 'good'
  }
}

/** Judges an event that is neither empty nor the last. `idle` events belong to an answer but carry no content yet. */
function judgeEvent(form: AnswerForm, text: string, name: string): 'good' | 'idle' | BadAnswer {
  if (name === 'error') return errorOfEvent(text)
  // An event with generated content has no such key at any depth, because quotes inside strings are escaped.
  const mayBeError = errorMember.test(text)
  if (!mayBeError && form.stream?.startsText(text) === true) return 'good'
  const isIdle = isIdleEvent(form, text)
  const bad = mayBeError && !isIdle ? errorIn(text) : undefined
  return bad ?? (isIdle ? 'idle' : 'good')
}

const errorMember = /"(?:errors?|detail|message|msg|response|response\.failed)"/

function isIdleEvent({ stream }: AnswerForm, text: string): boolean {
  return stream !== undefined && text.length <= maxIdleBytes && stream.isIdle(text)
}
