import { randomBytes } from 'node:crypto'
import type { BodyBytes } from '../memory/body-bytes.ts'
import { backslash, colon, quote, skipSpace, skipString } from './json-bytes.ts'
import type { StringVisitor } from './json-depth.ts'
import { findRun, type MessageRun } from './message-runs.ts'

/** A shorter string is cheaper to parse and to serialize than to replace. */
const minBytes = 512
/** Bytes at both ends of a text that stay in the request, and how far a place to cut is looked for after them. */
const edgeBytes = 32
const searchBytes = 32
/** Longest escape sequence. */
const escapeBytes = 6
/** Deeper strings are never replaced. */
const maxPathDepth = 8
/** Tabs and line ends, which JSON does not allow in a string, and which texts that were pasted by hand contain. */
const rawBytes = [0x09, 0x0a, 0x0d]

/** Which strings of a body may be replaced. */
export interface LongTextPlan {
  /** Names of members from the top to the string, without the indices of lists. */
  readonly paths: readonly (readonly Buffer[])[]
  /** Texts that start with it are kept, because readers change them beyond their edges. */
  readonly exceptStart: Buffer | undefined
  /** Name of the list in which one message may replace a run of them; undefined if none may. */
  readonly messages: Buffer | undefined
}

/** Texts of a plan. */
export interface LongTextNames {
  /** Such as `messages.content`. */
  readonly paths: readonly string[]
  readonly exceptStart?: string
  readonly messages?: string
}

export function longTextPlan({ paths, exceptStart, messages }: LongTextNames): LongTextPlan {
  return {
    paths: paths.map((path) => path.split('.').map((name) => Buffer.from(name))),
    exceptStart: exceptStart === undefined ? undefined : Buffer.from(exceptStart),
    messages: messages === undefined ? undefined : Buffer.from(messages),
  }
}

/** Numbers of `LongTextFinder.cuts` for each cut. */
const cutNumbers = 3
/** A shorter text costs less to copy than to send by itself. */
const minPieceBytes = 16_384
/** Numbers of a mark's place. */
const placeNumbers = 3
/** Level of the messages of a request. */
const messageDepth = 3
const noRun: MessageRun = { start: 0, end: 0, tried: -1, texts: [] }

/** Finds the middles of long strings on the paths of a plan while `scanJson` walks a body. */
export class LongTextFinder implements StringVisitor {
  readonly #body: Buffer
  readonly #plan: LongTextPlan
  /** The last key at each depth; 0 in a list. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  /** Where each of `rawBytes` comes next. */
  readonly #nextRaw: number[] = rawBytes.map(() => -1)
  #run: MessageRun = noRun
  /** The next of `#run.texts`. */
  #nextText = 0
  /** Start and end of each middle or run of messages, and 1 for a run. */
  readonly cuts: number[] = []

  constructor(body: Buffer, plan: LongTextPlan) {
    this.#body = body
    this.#plan = plan
  }

  open(depth: number, start: number): number {
    if (depth <= maxPathDepth) this.#starts[depth] = 0
    const { messages, exceptStart } = this.#plan
    if (depth !== messageDepth || messages === undefined) return 0
    if (start > this.#run.tried && this.#isIn(messages)) {
      this.#run = findRun(this.#body, start, exceptStart)
      this.#nextText = 0
    }
    const run = this.#run
    if (start !== run.start || this.#hasRaw(start, run.end)) return 0
    this.cuts.push(start, run.end, 1)
    return run.end
  }

  /** Whether the current object is an item of the list of this name. */
  #isIn(name: Buffer): boolean {
    const [, start = 0, inList = 0] = this.#starts
    return (
      start > 0 && inList === 0 && this.#ends[1] === start + name.length && hasAt(this.#body, start, name)
    )
  }

  string(depth: number, start: number): number {
    const end = this.#skip(start)
    if (end < 0 || depth > maxPathDepth) return end
    if (this.#body[skipSpace(this.#body, end)] === colon) {
      this.#starts[depth] = start + 1
      this.#ends[depth] = end - 1
    } else if (end - start >= minBytes && this.#plan.paths.some((names) => this.#isAt(names, depth)))
      this.#cut(start + 1, end - 1)
    return end
  }

  #skip(start: number): number {
    const { texts } = this.#run
    let text = this.#nextText
    while (text < texts.length && (texts[text] ?? 0) < start) text += 2
    this.#nextText = text
    return texts[text] === start ? (texts[text + 1] ?? -1) : skipString(this.#body, start)
  }

  /** Cuts between characters, not within an escape sequence, and before characters that are no white space. */
  #cut(start: number, end: number): void {
    const { exceptStart } = this.#plan
    if (exceptStart !== undefined && hasAt(this.#body, start, exceptStart)) return
    const from = visibleAt(this.#body, start + edgeBytes)
    const to = visibleAt(this.#body, end - edgeBytes - searchBytes)
    if (from > 0 && to > from && !this.#hasRaw(from, to)) this.cuts.push(from, to, 0)
  }

  #hasRaw(from: number, to: number): boolean {
    return rawBytes.some((byte, index) => {
      if ((this.#nextRaw[index] ?? 0) < from) {
        const next = this.#body.indexOf(byte, from)
        this.#nextRaw[index] = next < 0 ? this.#body.length : next
      }
      return (this.#nextRaw[index] ?? 0) < to
    })
  }

  #isAt(names: readonly Buffer[], depth: number): boolean {
    let left = names.length
    for (let level = depth; level > 0; level--) {
      const start = this.#starts[level] ?? 0
      if (start === 0) continue
      const name = names[--left]
      if (name === undefined || (this.#ends[level] ?? 0) - start !== name.length) return false
      if (!hasAt(this.#body, start, name)) return false
    }
    return left === 0
  }
}

function hasAt(body: Buffer, at: number, bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (body[at + index] !== bytes[index]) return false
  }
  return true
}

/** @returns 0 if there is none nearby */
function visibleAt(body: Buffer, from: number): number {
  let clean = 0
  const end = from + searchBytes
  for (let at = from - escapeBytes; at < end; at++) {
    const byte = body[at] ?? 0
    if (byte === backslash) clean = 0
    else if (++clean > escapeBytes && isVisible(byte)) return at
  }
  return 0
}

/** Whether a character begins that JavaScript's `trim` keeps: a letter, a digit, or one of most other scripts. */
function isVisible(byte: number): boolean {
  return (
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    // U+0400 to U+07FF, and U+4000 to U+CFFF.
    (byte >= 0xd0 && byte <= 0xdf) ||
    (byte >= 0xe4 && byte <= 0xec)
  )
}

/** A client's text may contain it: `write` then finds it twice. */
const mark = `${randomBytes(9).toString('base64url')}.`
const markBytes = Buffer.from(mark)
/** Of an index. */
const maxDigits = 9
const zero = 0x30
const nine = 0x39

/** A message whose text is the mark of a run, without the mark. */
const messageStart = '{"role":"user","content":"'
const messageEnd = '"}'
const messageStartBytes = Buffer.from(messageStart)
const messageEndBytes = Buffer.from(messageEnd)

/**
 * The middles of long strings of a body, which are neither decoded nor encoded: their bytes mean the same in any JSON
 * string. A mark stands for each of them in the request that is read; `write` puts them into the request that is written.
 * A message of a user with nothing but a mark stands for a run of messages.
 */
export class LongTexts {
  readonly #body: Buffer
  readonly #cuts: readonly number[]

  constructor(body: Buffer, cuts: readonly number[]) {
    this.#body = body
    this.#cuts = cuts
  }

  /** Whether messages stand for runs of them. */
  get hasRuns(): boolean {
    for (let at = 2; at < this.#cuts.length; at += cutNumbers) if (this.#cuts[at] === 1) return true
    return false
  }

  /** The body as text, with marks. */
  text(): string {
    let text = ''
    let from = 0
    for (let at = 0; at < this.#cuts.length; at += cutNumbers) {
      // The quotation marks are part of the text. They show in what is written how often it was encoded.
      const marked = `\\"${mark}${at}\\"`
      text += this.#body.toString('utf8', from, this.#cuts[at])
      text += this.#cuts[at + 2] === 1 ? messageStart + marked + messageEnd : marked
      from = this.#cuts[at + 1] ?? 0
    }
    return text + this.#body.toString('utf8', from)
  }

  /** The length of a text with what its marks stand for; more if there are escape sequences in it. */
  lengthOf(text: string): number {
    let { length } = text
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      const index = Number.parseInt(text.slice(at + mark.length, at + mark.length + maxDigits), 10)
      length += (this.#cuts[index + 1] ?? 0) - (this.#cuts[index] ?? 0)
    }
    return length
  }

  /**
   * @param json contains the marks
   * @returns undefined if it does not contain each of them once, in a string that was encoded once; pieces if a text is
   * so large that a copy would cost more, which are in the body's memory
   */
  write(json: string): BodyBytes | undefined {
    const short = Buffer.from(json)
    const cuts = this.#cuts
    // For each mark: where its text ends before it, where the text goes on after it, and its index.
    const places: number[] = []
    const isWritten: boolean[] = []
    let bytes = short.length
    for (let at = short.indexOf(markBytes); at >= 0; at = short.indexOf(markBytes, places.at(-2))) {
      let end = at + markBytes.length
      let index = 0
      for (let byte = short[end] ?? 0; byte >= zero && byte <= nine; byte = short[++end] ?? 0)
        index = index * 10 + byte - zero
      const cutStart = cuts[index]
      const cutEnd = cuts[index + 1]
      if (
        index % cutNumbers !== 0 ||
        cutStart === undefined ||
        cutEnd === undefined ||
        isWritten[index] === true
      )
        return undefined
      if (short[at - 2] !== backslash || short[at - 1] !== quote) return undefined
      if (short[end] !== backslash || short[end + 1] !== quote) return undefined
      isWritten[index] = true
      let textEnd = at - 2
      let next = end + 2
      if (cuts[index + 2] === 1) {
        textEnd -= messageStartBytes.length
        if (!hasAt(short, textEnd, messageStartBytes) || !hasAt(short, next, messageEndBytes))
          return undefined
        next += messageEndBytes.length
      }
      const cutBytes = cutEnd - cutStart
      bytes -= next - textEnd
      if (cutBytes < minPieceBytes) bytes += cutBytes
      places.push(textEnd, next, index)
    }
    return places.length === cuts.length ? this.#filled(short, places, bytes) : undefined
  }

  /** @param bytes without the texts that are pieces of their own */
  #filled(short: Buffer, places: readonly number[], bytes: number): BodyBytes {
    const cuts = this.#cuts
    const copied = Buffer.allocUnsafe(bytes)
    const pieces: Buffer[] = []
    let pieceStart = 0
    let length = 0
    let from = 0
    for (let place = 0; place < places.length; place += placeNumbers) {
      const index = places[place + 2] ?? 0
      const cutStart = cuts[index] ?? 0
      const cutEnd = cuts[index + 1] ?? 0
      length += short.copy(copied, length, from, places[place])
      from = places[place + 1] ?? 0
      if (cutEnd - cutStart < minPieceBytes) length += this.#body.copy(copied, length, cutStart, cutEnd)
      else {
        pieces.push(copied.subarray(pieceStart, length), this.#body.subarray(cutStart, cutEnd))
        pieceStart = length
      }
    }
    length += short.copy(copied, length, from)
    if (pieces.length === 0) return copied
    pieces.push(copied.subarray(pieceStart, length))
    return pieces
  }
}
