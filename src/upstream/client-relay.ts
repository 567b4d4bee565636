import type { ServerResponse } from 'node:http'
import type { AnswerObserver, AnswerTransform } from '../stream/answer-transform.ts'

/** The part of a Fastify reply that an exchange needs. */
export interface ClientReply {
  readonly raw: ServerResponse
  hijack(): unknown
  getHeaders(): Record<string, number | string | string[] | undefined>
  header(name: string, value: string): unknown
  send(payload: unknown): unknown
}

/** How an answer is framed: decides whether an error can still be told inside it. */
export type StreamFormat = 'sse' | 'ndjson' | 'other'

export function streamFormat(contentType: string | undefined): StreamFormat {
  if (contentType === undefined) return 'other'
  if (contentType.startsWith('text/event-stream')) return 'sse'
  if (contentType.startsWith('application/x-ndjson') || contentType.startsWith('application/jsonl'))
    return 'ndjson'
  return 'other'
}

/** How an answer is written. */
export interface RelayShape {
  readonly format: StreamFormat
  /** Whether its length was announced: then nothing can be added to it. */
  readonly hasLength: boolean
  /** Chunks are joined up to this size before they are sent; 0 sends each at once. */
  readonly gatherBytes: number
  /** What changes the answer on its way, in this order. */
  readonly transforms: readonly AnswerTransform[]
  readonly observer?: AnswerObserver | undefined
}

const emptyBuffer: Buffer = Buffer.alloc(0)

/**
 * Writes one answer to a client: bytes as they come, with backpressure. `write` returns false when the client
 * is slower than the endpoint; the owner pauses the endpoint until the response drains.
 */
export class ClientRelay {
  readonly #raw: ServerResponse
  #shape: RelayShape = { format: 'other', hasLength: true, gatherBytes: 0, transforms: [] }
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #last = emptyBuffer
  #beforeLast = emptyBuffer
  bodyBytes = 0

  constructor(raw: ServerResponse) {
    this.#raw = raw
  }

  /** @param headers flat name/value pairs */
  begin(statusCode: number, headers: string[], shape: RelayShape): void {
    this.#shape = shape
    this.#raw.writeHead(statusCode, headers)
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
    if (!this.#raw.writableNeedDrain && this.#boundary('sse') === '') this.#raw.write(event)
  }

  write(received: Buffer): boolean {
    this.#shape.observer?.push(received)
    let chunk = received
    for (const transform of this.#shape.transforms) chunk = transform.push(chunk)
    if (chunk.length === 0) return true
    this.bodyBytes += chunk.length
    this.#beforeLast = this.#last
    this.#last = chunk
    if (this.#shape.gatherBytes === 0) return this.#raw.write(chunk)
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.length
    return this.#gatheredBytes < this.#shape.gatherBytes || this.#raw.write(this.#takeGathered())
  }

  end(): void {
    const held = this.#takeHeld()
    if (held.length > 0) {
      this.bodyBytes += held.length
      this.#gathered.push(held)
      this.#gatheredBytes += held.length
    }
    if (this.#gatheredBytes > 0) this.#raw.end(this.#takeGathered())
    else this.#raw.end()
  }

  /**
   * Ends an answer that cannot be completed so that nobody takes it for complete: an error event where the
   * framing has room for one, then the connection is cut.
   * @param event the dialect's error event for this format
   */
  breakOff(event: (format: 'sse' | 'ndjson') => string): void {
    const raw = this.#raw
    const { format, hasLength } = this.#shape
    if (format === 'other' || hasLength || raw.writableNeedDrain) {
      raw.destroy()
      return
    }
    if (this.#gatheredBytes > 0) raw.write(this.#takeGathered())
    raw.write(`${this.#boundary(format)}${event(format)}`, () => raw.destroy())
  }

  /** What separates a possibly unfinished event from the next one. */
  #boundary(format: 'sse' | 'ndjson'): string {
    if (this.bodyBytes === 0) return ''
    const end = Buffer.concat([this.#beforeLast.subarray(-2), this.#last.subarray(-2)])
      .toString('latin1')
      .slice(-2)
    if (format === 'ndjson') return end.endsWith('\n') ? '' : '\n'
    return end === '\n\n' ? '' : '\n\n'
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

  #takeGathered(): Buffer {
    const joined = Buffer.concat(this.#gathered, this.#gatheredBytes)
    this.#gathered = []
    this.#gatheredBytes = 0
    return joined
  }
}
