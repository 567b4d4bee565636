import type { ServerResponse } from 'node:http'
import type { AnswerFraming } from '../../http/headers/media-type.ts'
import type { AnswerObserver, AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import { TurnQueue } from '../../kernel/turn-queue.ts'
import { ClientWriter } from './client-writer.ts'

/** How an answer is framed: decides whether an error can still be told inside it. */
export type StreamFormat = 'sse' | 'ndjson' | 'other'

export function streamFormat(framing: AnswerFraming): StreamFormat {
  return framing === 'sse' || framing === 'ndjson' ? framing : 'other'
}

/** How an answer is written. */
export interface RelayShape {
  readonly format: StreamFormat
  /** Its length, where that was announced: then nothing can be added to it. */
  readonly lengthBytes: number | undefined
  /** Chunks are joined up to this size before they are sent; 0 sends in each turn what has come in it. */
  readonly gatherBytes: number
  /** What changes the answer on its way, in this order. */
  readonly transforms: readonly AnswerTransform[]
  readonly observer?: AnswerObserver | undefined
}

const emptyBuffer: Buffer = Buffer.alloc(0)
const noParts: Buffer[] = []
const lf = 0x0a
const noShape: RelayShape = { format: 'other', lengthBytes: 0, gatherBytes: 0, transforms: [] }

/** Most bytes of one turn that are joined: what comes at once is small where joining pays. */
const turnBytes = 65_536
/** Those with something to write at the end of this turn. */
const due = new TurnQueue<ClientRelay>((relay) => relay.flush())

/**
 * Writes one answer to a client, with backpressure: `write` returns false when the client is slower than the
 * endpoint, and the owner pauses the endpoint until the response drains. What comes in one turn of the event
 * loop (the events that one read has brought, the end of the answer) is one write.
 */
export class ClientRelay {
  readonly #raw: ServerResponse
  readonly #writer: ClientWriter
  #shape = noShape
  #gathered = noParts
  #gatheredBytes = 0
  #isFlushDue = false
  /** Nothing more will come. */
  #isEnded = false
  /** All of it, and its end. */
  #isWritten = false
  /** The last two bytes: a slice would keep all the memory around it. */
  #tail = 0
  bodyBytes = 0

  constructor(raw: ServerResponse) {
    this.#raw = raw
    this.#writer = new ClientWriter(raw)
  }

  /** @param headers flat name/value pairs */
  begin(statusCode: number, headers: string[], shape: RelayShape): void {
    this.#shape = shape
    this.#writer.begin(statusCode, headers)
  }

  /** Goes on with an answer whose head has been sent. */
  resume(shape: RelayShape): void {
    this.#shape = shape
  }

  /** Whether a transform has found the answer to be none, and told so. */
  get hasFailed(): boolean {
    return this.#shape.transforms.some(({ hasFailed }) => hasFailed === true)
  }

  /** Something between the events of a stream, which is no part of the answer; not inside of one. */
  interject(event: Buffer): void {
    if (this.#writer.needsDrain || this.#boundary('sse') !== '') return
    this.flush()
    this.#writer.write([event], event.length)
  }

  write(received: Buffer): boolean {
    this.#shape.observer?.push(received)
    let chunk = received
    for (const transform of this.#shape.transforms) chunk = transform.push(chunk)
    if (chunk.length === 0) return true
    this.bodyBytes += chunk.length
    const beforeLast = chunk.length > 1 ? (chunk[chunk.length - 2] ?? 0) : this.#tail
    this.#tail = ((beforeLast << 8) | (chunk[chunk.length - 1] ?? 0)) & 0xffff
    const { lengthBytes, gatherBytes } = this.#shape
    this.#gather(chunk)
    if (this.bodyBytes === lengthBytes) {
      // Head, body and end in one system call.
      this.#isEnded = true
      this.#flushLater()
      return true
    }
    if (this.#gatheredBytes >= (gatherBytes || turnBytes)) return this.#writeNow()
    if (gatherBytes === 0) this.#flushLater()
    return !this.#writer.needsDrain
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const held = this.#takeHeld()
    if (held.length > 0) {
      this.bodyBytes += held.length
      this.#gather(held)
    }
    this.#flushLater()
  }

  /**
   * Ends an answer that cannot be completed so that no client takes it for complete: an error event where the
   * framing has room for one, then the connection is cut.
   * @param event the dialect's error event for this format
   */
  breakOff(event: (format: 'sse' | 'ndjson') => string): void {
    const raw = this.#raw
    const { format, lengthBytes } = this.#shape
    if (format === 'other' || lengthBytes !== undefined || this.#writer.needsDrain) {
      // What came in the same turn goes out first: a client that has a part of an answer knows that there was one.
      this.flush()
      raw.destroy()
      return
    }
    this.flush()
    this.#writer.breakOff(`${this.#boundary(format)}${event(format)}`)
  }

  /** The endpoint has closed a stream: what transforms have kept is part of it, whatever comes next. */
  release(): void {
    const held = this.#takeHeld()
    if (held.length === 0) return
    this.bodyBytes += held.length
    this.#tail =
      held[held.length - 1] === lf
        ? held.length > 1 && held[held.length - 2] === lf
          ? (lf << 8) | lf
          : lf
        : 0
    this.#gather(held)
  }

  /** What separates a possibly unfinished event from the next one. */
  #boundary(format: 'sse' | 'ndjson'): string {
    if (this.bodyBytes === 0) return ''
    if (format === 'ndjson') return (this.#tail & 0xff) === lf ? '' : '\n'
    return this.#tail === ((lf << 8) | lf) ? '' : '\n\n'
  }

  /** What each transform has kept passes those behind it. */
  #takeHeld(): Buffer {
    let held = emptyBuffer
    for (const transform of this.#shape.transforms) {
      const passed = held.length === 0 ? held : transform.push(held)
      const rest = transform.end()
      held = passed.length === 0 ? rest : rest.length === 0 ? passed : Buffer.concat([passed, rest])
    }
    return held
  }

  /** Writes what has come so far. */
  flush(): void {
    this.#isFlushDue = false
    if (this.#isWritten || this.#raw.destroyed) return
    if (this.#isEnded) this.#endNow()
    else if (this.#gatheredBytes > 0) this.#writeNow()
  }

  #flushLater(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    due.push(this)
  }

  #gather(chunk: Buffer): void {
    // The first element of an empty array makes room for sixteen more.
    if (this.#gatheredBytes === 0) this.#gathered = [chunk]
    else this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
  }

  /** @returns false where the client does not keep up */
  #writeNow(): boolean {
    const keepsUp = this.#writer.write(this.#gathered, this.#gatheredBytes)
    this.#gathered = noParts
    this.#gatheredBytes = 0
    return keepsUp
  }

  #endNow(): void {
    this.#isWritten = true
    this.#writer.end(this.#gathered, this.#gatheredBytes)
    this.#gathered = noParts
    this.#gatheredBytes = 0
  }
}
