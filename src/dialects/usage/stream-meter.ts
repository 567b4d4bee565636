import type { Clock } from '../../kernel/clock.ts'
import { LineEnds } from '../../kernel/stream/line-ends.ts'
import type { AnswerForm, StreamFraming } from '../contract/answer-form.ts'
import { ContentScan } from './content-scan.ts'
import { LastBytes } from './last-bytes.ts'
import type { UsageReader } from './usage-reader.ts'

/** Takes the gaps between tokens as they pass. */
export interface GapListener {
  /** @param count tokens that came after one gap; `eachMs` is its share for each */
  gap(eachMs: number, count: number): void
}

/** Of an event that comes in pieces so much is kept; larger ones are no tokens, and tell their usage at the end. */
const maxEventBytes = 65_536

const lineFeed = 0x0a
const firstOfData = 0x64
const openBrace = 0x7b
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Follows a stream of events while it passes: when its tokens come, and what it tells of itself. Cut anywhere,
 * it sees the same events. An event with content costs a search for its end and a look where the last one had
 * its content; only the few others are read for numbers.
 */
export class StreamMeter {
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #first: number
  readonly #scan: ContentScan
  readonly #usage: UsageReader
  readonly #gaps: GapListener
  readonly #lineEnds: LineEnds | undefined
  readonly #pending = new LastBytes(maxEventBytes)
  /** The last event with content, which may tell numbers as well, if nothing else has come since. */
  #lastChunk = noBytes
  #lastStart = 0
  #lastEnd = 0
  #events = 0
  #firstMs = 0
  #lastMs = 0
  #longestGapMs = 0

  constructor(
    framing: StreamFraming,
    { contentPattern }: Pick<AnswerForm, 'contentPattern'>,
    sources: { clock: Clock; startedMs: number; usage: UsageReader; gaps: GapListener },
  ) {
    this.#first = framing === 'sse' ? firstOfData : openBrace
    this.#lineEnds = framing === 'sse' ? new LineEnds() : undefined
    this.#scan = new ContentScan(contentPattern)
    this.#clock = sources.clock
    this.#startedMs = sources.startedMs
    this.#usage = sources.usage
    this.#gaps = sources.gaps
  }

  /** Events with content so far. */
  get events(): number {
    return this.#events
  }

  /** From receipt of the request to the first event with content. */
  get firstMs(): number | undefined {
    return this.#events === 0 ? undefined : this.#firstMs - this.#startedMs
  }

  /** From the first event with content to the last; undefined where there is only one. */
  get spanMs(): number | undefined {
    return this.#events < 2 ? undefined : this.#lastMs - this.#firstMs
  }

  get longestGapMs(): number | undefined {
    return this.#events < 2 ? undefined : this.#longestGapMs
  }

  push(chunk: Buffer): void {
    this.#read(this.#lineEnds === undefined ? chunk : this.#lineEnds.push(chunk))
  }

  /** Apart from `push`: a compiler that has put the line ends in here leaves out what looks at events. */
  #read(chunk: Buffer): void {
    let events = 0
    let at = 0
    if (this.#pending.length > 0) {
      const end = chunk.indexOf(lineFeed)
      if (end < 0) {
        this.#pending.push(chunk)
        return
      }
      if (end > 0) this.#pending.push(chunk.subarray(0, end))
      if (this.#takePending()) events++
      at = end + 1
    }
    const { length } = chunk
    while (at < length) {
      if (chunk[at] === lineFeed) {
        at++
        continue
      }
      const end = chunk.indexOf(lineFeed, at)
      if (end < 0) {
        this.#pending.push(at === 0 ? chunk : chunk.subarray(at))
        break
      }
      if (this.#line(chunk, at, end)) events++
      at = end + 1
    }
    if (events > 0) this.#came(events)
  }

  /** The answer is over, complete or not. */
  end(): void {
    if (this.#pending.length > 0 && this.#takePending()) this.#came(1)
    this.#readLast()
  }

  /** Numbers count in the order of the stream: those beside the last content come before what follows it. */
  #readLast(): void {
    if (this.#lastEnd === 0) return
    this.#usage.read(this.#lastChunk.subarray(this.#lastStart, this.#lastEnd))
    this.#lastChunk = noBytes
    this.#lastEnd = 0
  }

  #takePending(): boolean {
    const { isCut } = this.#pending
    const line = this.#pending.take()
    if (!isCut) return this.#line(line, 0, line.length)
    this.#readLast()
    this.#usage.read(line)
    return false
  }

  /** @returns whether it is an event with content */
  #line(bytes: Buffer, start: number, end: number): boolean {
    if (bytes[start] !== this.#first) return false
    if (this.#scan.finds(bytes, start, end)) {
      this.#lastChunk = bytes
      this.#lastStart = start
      this.#lastEnd = end
      return true
    }
    this.#readLast()
    this.#usage.read(bytes.subarray(start, end))
    return false
  }

  #came(events: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#events === 0) {
      this.#firstMs = nowMs
      // Those that came with it came at the same time.
      if (events > 1) this.#gaps.gap(0, events - 1)
    } else {
      const gapMs = nowMs - this.#lastMs
      if (gapMs > this.#longestGapMs) this.#longestGapMs = gapMs
      this.#gaps.gap(gapMs / events, events)
    }
    this.#lastMs = nowMs
    this.#events += events
  }
}
