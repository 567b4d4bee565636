import type { ServerResponse } from 'node:http'
import type { AnswerFraming } from '../../http/headers/media-type.ts'
import type { AnswerObserver, AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import { TurnQueue } from '../../kernel/turn-queue.ts'
import { ClientWriter } from './client-writer.ts'

/** Framing of an answer: determines whether an error can still be reported inside it. */
export type StreamFormat = 'sse' | 'ndjson' | 'other'

export function streamFormat(framing: AnswerFraming): StreamFormat {
  return framing === 'sse' || framing === 'ndjson' ? framing : 'other'
}

/** How an answer is written. */
export interface RelayShape {
  readonly format: StreamFormat
  /** Whether white space was sent before it, so that an error can take its place until it begins. */
  readonly isPadded?: boolean | undefined
  /** Its announced length, if any: then nothing can be added to it. */
  readonly lengthBytes: number | undefined
  /** Chunks are joined up to this size before they are sent; 0 sends the chunks of each event-loop turn together. */
  readonly gatherBytes: number
  /** Transforms of the answer, in this order. */
  readonly transforms: readonly AnswerTransform[]
  readonly observer?: AnswerObserver | undefined
}

const emptyBuffer: Buffer = Buffer.alloc(0)
const noParts: Buffer[] = []
const lf = 0x0a
const noShape: RelayShape = { format: 'other', lengthBytes: 0, gatherBytes: 0, transforms: [] }

/** Maximum bytes of one turn that are joined: joining only pays for small chunks. */
const turnBytes = 65_536
/** Relays that have something to write at the end of this turn. */
const flushQueue = new TurnQueue<ClientRelay>((relay) => relay.flush())

/**
 * Writes one answer to a client, with backpressure: `write` returns false when the client is slower than the endpoint,
 * and the owner pauses the endpoint until the response drains. Everything that arrives in one turn of the event loop
 * (the events of one read, the end of the answer) is one write.
 */
export class ClientRelay {
  readonly #raw: ServerResponse
  readonly #writer: ClientWriter
  #shape = noShape
  #gathered = noParts
  #gatheredBytes = 0
  #isFlushDue = false
  /** No more chunks will follow. */
  #isEnded = false
  /** Everything, including the end, has been written. */
  #isWritten = false
  /** The last two bytes: a slice would retain the whole buffer. */
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

  /** Sends the head before anything else. */
  flushHead(): void {
    this.#writer.flushHead()
  }

  /** Continues an answer whose head has been sent. */
  resume(shape: RelayShape): void {
    this.#shape = shape
  }

  /** Whether a transform has rejected the answer and reported that. */
  get hasFailed(): boolean {
    return this.#shape.transforms.some(({ hasFailed }) => hasFailed === true)
  }

  /** Inserts an event that is not part of the answer between two events of a stream, never inside one. */
  interject(event: Buffer): void {
    const { format } = this.#shape
    if (this.#writer.needsDrain || (format !== 'other' && this.#boundary(format) !== '')) return
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
   * Aborts an answer that cannot be completed so that no client takes it for complete: sends an error event if the
   * framing has room for one, then closes the connection.
   * @param event the dialect's error event for this format
   */
  abortWith(event: (format: 'sse' | 'ndjson') => string): void {
    const raw = this.#raw
    const { format, lengthBytes, isPadded } = this.#shape
    if (isPadded === true && this.bodyBytes === 0) {
      const text = Buffer.from(event('ndjson'))
      this.#writer.end([text], text.length)
      return
    }
    if (format === 'other' || lengthBytes !== undefined || this.#writer.needsDrain) {
      // Chunks of the same turn are sent first: part of an answer shows the client that there was one.
      this.flush()
      raw.destroy()
      return
    }
    this.flush()
    this.#writer.abortWith(`${this.#boundary(format)}${event(format)}`)
  }

  /** The endpoint has closed a stream: bytes that transforms held back are part of it, whatever follows. */
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

  /** The separator between a possibly unfinished event and the next one. */
  #boundary(format: 'sse' | 'ndjson'): string {
    if (this.bodyBytes === 0) return ''
    if (format === 'ndjson') return (this.#tail & 0xff) === lf ? '' : '\n'
    return this.#tail === ((lf << 8) | lf) ? '' : '\n\n'
  }

  /** Bytes that a transform held back pass through the transforms behind it. */
  #takeHeld(): Buffer {
    let held = emptyBuffer
    for (const transform of this.#shape.transforms) {
      const passed = held.length === 0 ? held : transform.push(held)
      const rest = transform.end()
      held = passed.length === 0 ? rest : rest.length === 0 ? passed : Buffer.concat([passed, rest])
    }
    return held
  }

  /** Writes the chunks received so far. */
  flush(): void {
    this.#isFlushDue = false
    if (this.#isWritten || this.#raw.destroyed) return
    if (this.#isEnded) this.#endNow()
    else if (this.#gatheredBytes > 0) this.#writeNow()
  }

  #flushLater(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    flushQueue.push(this)
  }

  #gather(chunk: Buffer): void {
    // Pushing onto an empty array allocates room for sixteen more elements.
    if (this.#gatheredBytes === 0) this.#gathered = [chunk]
    else this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
  }

  /** @returns false if the client is too slow */
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
