import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AnswerSink } from '../../dialects/contract/answer-sink.ts'
import { framingIn } from '../../http/headers/response-headers.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { ClientReply } from '../contract/client-reply.ts'

/** The response of a request without a connection: whatever is written to it goes to a sink. */
class DetachedResponse extends ServerResponse {
  readonly #sink: AnswerSink
  #isOver = false

  constructor(sink: AnswerSink) {
    super(new IncomingMessage(new Socket()))
    this.#sink = sink
  }

  override writeHead(statusCode: number, ...rest: readonly unknown[]): this {
    const headers: unknown = rest.at(-1)
    const names = Array.isArray(headers) ? headers.map(String) : []
    super.writeHead(statusCode)
    this.#sink.begin(statusCode, framingIn(names) === 'sse')
    return this
  }

  override write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    if (!this.#isOver) this.#sink.write(bytesOf(chunk, rest[0]))
    const written = rest.at(-1)
    if (typeof written === 'function') queueMicrotask(() => written())
    return true
  }

  override end(...rest: readonly unknown[]): this {
    const [chunk, encoding] = rest
    if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) this.write(chunk, encoding)
    this.#close(true)
    return this
  }

  override destroy(error?: Error): this {
    super.destroy(error)
    this.#close(false)
    return this
  }

  #close(isWhole: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.end(isWhole)
    process.nextTick(() => this.emit('close'))
  }
}

/** The reply to a request without a connection. */
export class DetachedReply implements ClientReply {
  readonly raw: ServerResponse
  readonly #sink: AnswerSink

  constructor(sink: AnswerSink) {
    this.#sink = sink
    this.raw = new DetachedResponse(sink)
  }

  hijack(): void {}

  getHeaders(): Record<string, never> {
    return {}
  }

  header(): void {}

  /** Only errors are sent so; answers are written. */
  send(payload: unknown): void {
    this.#sink.refuse(payload instanceof GatewayError ? payload : new GatewayError('internal'))
  }
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding === 'latin1' ? 'latin1' : 'utf8')
  return Buffer.isBuffer(chunk) ? chunk : Buffer.alloc(0)
}
