import type { Clock } from '../../kernel/clock.ts'
import type { StreamFraming } from '../../kernel/stream/framing.ts'
import { LineEnds } from '../../kernel/stream/line-ends.ts'
import type { AnswerForm } from '../contract/answer-form.ts'
import { ContentScan } from './content-scan.ts'
import { LastBytes } from './last-bytes.ts'
import type { UsageReader } from './usage-reader.ts'

/** Receives the gaps between tokens during the stream. */
export interface GapListener {
  /** @param count tokens that arrived after one gap; `eachMs` is the share of each */
  gap(eachMs: number, count: number): void
}

/**
 * Number of bytes kept of an event that arrives in several chunks. Larger events carry no tokens and have their usage
 * at the end.
 */
const maxEventBytes = 65_536

const lineFeed = 0x0a
const letterD = 0x64
const openBrace = 0x7b
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Meters a stream: when its tokens arrive, and what it reports about itself. Chunk boundaries do not matter. An event
 * with content costs one search for its end and one comparison at the offset of the previous event's content; only the
 * few others are searched for numbers.
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
  /** The last event with content, if nothing has followed it. It may also contain numbers. */
  #lastChunk = noBytes
  #lastStart = 0
  #lastEnd = 0
  #events = 0
  #firstMs = 0
  #lastMs = 0
  #maxGapMs = 0

  constructor(
    framing: StreamFraming,
    { contentPattern }: Pick<AnswerForm, 'contentPattern'>,
    sources: { clock: Clock; startedMs: number; usage: UsageReader; gaps: GapListener },
  ) {
    this.#first = framing === 'sse' ? letterD : openBrace
    this.#lineEnds = framing === 'sse' ? new LineEnds() : undefined
    this.#scan = new ContentScan(contentPattern)
    this.#clock = sources.clock
    this.#startedMs = sources.startedMs
    this.#usage = sources.usage
    this.#gaps = sources.gaps
  }

  /** Number of events with content so far. */
  get events(): number {
    return this.#events
  }

  /** Time from receipt of the request to the first event with content. */
  get firstMs(): number | undefined {
    return this.#events === 0 ? undefined : this.#firstMs - this.#startedMs
  }

  /** Time from the first event with content to the last; undefined if there is only one. */
  get spanMs(): number | undefined {
    return this.#events < 2 ? undefined : this.#lastMs - this.#firstMs
  }

  get maxGapMs(): number | undefined {
    return this.#events < 2 ? undefined : this.#maxGapMs
  }

  push(chunk: Buffer): void {
    this.#read(this.#lineEnds === undefined ? chunk : this.#lineEnds.push(chunk))
  }

  /** Separate from `push`: if V8 inlines the line ends here, it no longer inlines what examines events. */
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
    if (events > 0) this.#recordArrival(events)
  }

  /** The answer has ended, complete or not. */
  end(): void {
    if (this.#pending.length > 0 && this.#takePending()) this.#recordArrival(1)
    this.#readLast()
  }

  /** Numbers count in stream order: those of the last content event precede those that follow it. */
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

  #recordArrival(events: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#events === 0) {
      this.#firstMs = nowMs
      // The other events of the chunk arrived at the same time.
      if (events > 1) this.#gaps.gap(0, events - 1)
    } else {
      const gapMs = nowMs - this.#lastMs
      if (gapMs > this.#maxGapMs) this.#maxGapMs = gapMs
      this.#gaps.gap(gapMs / events, events)
    }
    this.#lastMs = nowMs
    this.#events += events
  }
}
