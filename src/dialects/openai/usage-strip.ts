import { BodyMembers } from '../../kernel/json/body-members.ts'
import { openBrace, quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'

/** Without its first quote: searching for a rare byte is several times faster than for one that occurs everywhere. */
const mark = Buffer.from('usage"')
const lineFeed = 0x0a
const carriageReturn = 0x0d
const noBytes: Buffer = Buffer.alloc(0)
const names = new KeyNames<'usage' | 'choices'>([
  ['usage', 'usage'],
  ['choices', 'choices'],
])

/** Larger events pass unchanged: no usage event is so large. */
const maxHeldBytes = 1_048_576

/** A byte range to remove from a chunk; ranges ascend. */
type Cut = readonly [start: number, end: number]

/**
 * Removes from a stream of chat or text completions what the gateway's own `stream_options.include_usage` added: the
 * event that contains only the usage, and `"usage":null` in all others, as OpenAI writes it. Every other byte stays.
 * Complete events pass at once; only an incomplete event is held, which no client could use yet.
 */
export class UsageStrip implements AnswerTransform {
  #held: Buffer[] = []
  #heldBytes = 0
  /** The removed event ended in CR, so an LF that follows belongs to it. */
  #isLfDue = false
  /** Inside an event that is too large. */
  #isOversized = false

  push(received: Buffer): Buffer {
    const chunk = this.#isLfDue && received[0] === lineFeed ? received.subarray(1) : received
    if (received.length > 0) this.#isLfDue = false
    if (this.#heldBytes === 0) return this.#complete(chunk)
    if (chunk.length === 0) return noBytes
    const last = this.#held.at(-1)?.at(-1)
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    return mayEndEvent(last, chunk) || this.#heldBytes > maxHeldBytes
      ? this.#complete(this.#takeHeld())
      : noBytes
  }

  /** The rest is the last event of a stream that ends without an empty line. */
  end(): Buffer {
    const last = this.#takeHeld()
    return without(last, cutsOf(last, 0, last.length, markAfter(last, 0)))
  }

  #takeHeld(): Buffer {
    const held = Buffer.concat(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  /** Passes the complete events in these bytes and holds the rest. */
  #complete(bytes: Buffer): Buffer {
    let start = 0
    if (this.#isOversized) {
      start = eventEnd(bytes, 0, bytes.includes(carriageReturn))
      if (start < 0) return bytes
      this.#isOversized = false
    }
    const markAt = markAfter(bytes, start)
    // Most chunks contain no usage: only the end of their last event matters.
    if (markAt < 0) return this.#holdFrom(bytes, lastEventEnd(bytes, start), [])
    const cuts: Cut[] = []
    const end = findCuts(bytes, start, markAt, cuts)
    return this.#holdFrom(bytes, end, cuts)
  }

  /** @param end offset after the last complete event */
  #holdFrom(bytes: Buffer, end: number, cuts: readonly Cut[]): Buffer {
    if (end === bytes.length) {
      this.#isLfDue = bytes[end - 1] === carriageReturn && cuts.at(-1)?.[1] === end
      return without(bytes, cuts)
    }
    if (bytes.length - end > maxHeldBytes) {
      this.#isOversized = true
      return without(bytes, cuts)
    }
    this.#held.push(bytes.subarray(end))
    this.#heldBytes = bytes.length - end
    return without(bytes.subarray(0, end), cuts)
  }
}

/** @returns the offset after the last complete event */
function findCuts(bytes: Buffer, from: number, firstMark: number, cuts: Cut[]): number {
  const hasCr = bytes.includes(carriageReturn)
  let start = from
  let markAt = firstMark
  for (;;) {
    const end = eventEnd(bytes, start, hasCr)
    if (end < 0) return start
    if (markAt >= 0 && markAt < end) {
      cuts.push(...cutsOf(bytes, start, end, markAt))
      markAt = markAfter(bytes, end)
    }
    start = end
  }
}

/** Offset of the next possible key, or -1. */
function markAfter(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(mark, from)
  while (at > 0 && bytes[at - 1] !== quote) at = bytes.indexOf(mark, at + 1)
  return at
}

/** Offset after the event that starts at `start`, including its empty line; -1 if the event is incomplete. */
function eventEnd(bytes: Buffer, start: number, hasCr: boolean): number {
  if (hasCr) return anyEventEnd(bytes, start)
  let line = start
  for (;;) {
    if (bytes[line] === lineFeed) return line + 1
    const end = bytes.indexOf(lineFeed, line)
    if (end < 0) return -1
    line = end + 1
  }
}

/**
 * The same for lines that may end in CR. An LF right after the CR belongs to it; an LF in a later chunk counts as an
 * empty line.
 */
function anyEventEnd(bytes: Buffer, start: number): number {
  let line = start
  for (;;) {
    let end = line
    while (end < bytes.length && bytes[end] !== lineFeed && bytes[end] !== carriageReturn) end++
    if (end === bytes.length) return -1
    const next = bytes[end] === carriageReturn && bytes[end + 1] === lineFeed ? end + 2 : end + 1
    if (end === line) return next
    line = next
  }
}

const emptyLines = ['\n\n', '\n\r', '\r\r'].map((ends) => Buffer.from(ends))

/**
 * Whether an event may end in a chunk, at an empty line. Only then are the held bytes scanned again, not at each line.
 */
function mayEndEvent(before: number | undefined, chunk: Buffer): boolean {
  const first = chunk[0]
  const isEmptyLine =
    isLineEnd(before) && isLineEnd(first) && !(before === carriageReturn && first === lineFeed)
  return isEmptyLine || emptyLines.some((ends) => chunk.includes(ends))
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === lineFeed || byte === carriageReturn
}

/** Offset after the last complete event; `from` if there is none. */
function lastEventEnd(bytes: Buffer, from: number): number {
  const { length } = bytes
  // Most chunks end with an event. A second LF ends an empty line, whatever the other line endings are.
  if (length >= from + 2 && bytes[length - 1] === lineFeed && bytes[length - 2] === lineFeed) return length
  if (bytes.includes(carriageReturn)) {
    let end = from
    for (let next = anyEventEnd(bytes, end); next >= 0; next = anyEventEnd(bytes, end)) end = next
    return end
  }
  let at = bytes.length - 1
  while (at > from) {
    if (bytes[at] !== lineFeed) at = bytes.lastIndexOf(lineFeed, at)
    if (at <= from) break
    if (bytes[at - 1] === lineFeed) return at + 1
    at--
  }
  return from
}

/** @param markAt possible offset of the key, or -1 */
function cutsOf(bytes: Buffer, start: number, end: number, markAt: number): Cut[] {
  if (markAt < 0) return []
  const json = bytes.indexOf(openBrace, start)
  if (json < 0 || json > markAt || !bytes.subarray(start, json).includes('data:')) return []
  let lineEnd = json
  while (lineEnd < end && bytes[lineEnd] !== lineFeed && bytes[lineEnd] !== carriageReturn) lineEnd++
  const event = bytes.subarray(json, lineEnd)
  const usage = findUsage(event)
  if (usage === undefined) return []
  if (usage.isNull) return [[json + usage.start, json + usage.end]]
  return usage.isAlone ? [[start, end]] : []
}

interface FoundUsage {
  /** Includes the comma that belongs to the member. */
  readonly start: number
  readonly end: number
  readonly isNull: boolean
  /** Whether the event contains nothing else. */
  readonly isAlone: boolean
}

function findUsage(event: Buffer): FoundUsage | undefined {
  const members = new BodyMembers(event)
  let usage: { start: number; end: number; value: string } | undefined
  let choices = ''
  let previousEnd = -1
  let isFirst = false
  while (members.next()) {
    if (isFirst && usage !== undefined) {
      usage.end = members.keyStart
      isFirst = false
    }
    const name = members.find(names)
    if (name === 'choices') choices = event.toString('utf8', members.start, members.end)
    if (name === 'usage') {
      isFirst = previousEnd < 0
      usage = {
        start: isFirst ? members.keyStart : previousEnd,
        end: members.end,
        value: event.toString('latin1', members.start, Math.min(members.end, members.start + 4)),
      }
    }
    previousEnd = members.end
  }
  if (usage === undefined || !members.isWhole) return undefined
  const { start, end, value } = usage
  return { start, end, isNull: value === 'null', isAlone: value.startsWith('{') && areChoicesEmpty(choices) }
}

/** Whether `choices` is empty, or every choice is. */
function areChoicesEmpty(choices: string): boolean {
  if (choices === '[]') return true
  try {
    const list: unknown = JSON.parse(choices)
    return Array.isArray(list) && list.every((choice) => isEmpty(choice))
  } catch {
    return false
  }
}

/** Only an index, and values that are null, empty or themselves empty objects. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === '' || value === false) return true
  if (typeof value !== 'object') return false
  return Object.entries(value).every(([key, each]) => key === 'index' || isEmpty(each))
}

function without(bytes: Buffer, cuts: readonly Cut[]): Buffer {
  if (cuts.length === 0) return bytes
  const parts: Buffer[] = []
  let from = 0
  for (const [start, end] of cuts) {
    parts.push(bytes.subarray(from, start))
    from = end
  }
  parts.push(bytes.subarray(from))
  return Buffer.concat(parts)
}
