import { maxHeadBytes, maxInterimAnswers } from '../contract.ts'
import { Http1Error, invalidResponse } from '../errors.ts'
import { refuseOtherProtocols } from '../first-bytes.ts'
import { ChunkedBody } from './chunked-body.ts'
import { copyOf } from './copy-of.ts'
import { type BodyFraming, isInterim, parseResponseHead, type ResponseHead } from './response-head.ts'

/** Receives one response, in the order of these methods. */
export interface AnswerListener {
  head(head: ResponseHead): void
  /** @param data a copy that the listener may keep */
  data(data: Buffer): void
  /**
   * The response is complete.
   * @param isClean whether no bytes followed it, so that the connection can carry another request
   */
  end(isClean: boolean): void
}

const noBytes: Buffer = Buffer.alloc(0)
const headEnd = Buffer.from('\r\n\r\n')

/**
 * Parses one response after another from a connection (RFC 9112); call `begin` before each. The connection is unusable
 * after any error that it throws.
 */
export class ResponseReader {
  readonly #listener: AnswerListener
  #method = 'GET'
  #isReading = false
  #held = noBytes
  /** Framing of the current response once its head has been parsed. */
  #framing: BodyFraming | undefined
  #chunked: ChunkedBody | undefined
  #leftBytes = 0
  #interimAnswers = 0

  constructor(listener: AnswerListener) {
    this.#listener = listener
  }

  /** Expects the response to a request. @param method as sent */
  begin(method: string): void {
    this.#method = method
    this.#isReading = true
    this.#held = noBytes
    this.#framing = undefined
    this.#chunked = undefined
    this.#interimAnswers = 0
  }

  /** Ignores the rest of the response and calls no listener. */
  stop(): void {
    this.#isReading = false
  }

  /**
   * @param bytes bytes of one read; valid during this call only
   * @param end offset after the last byte
   * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`, also if no request is pending
   */
  push(bytes: Buffer, end: number): void {
    if (!this.#isReading) throw invalidResponse('bytes without a request')
    let at = 0
    // When a response ends or is stopped, the rest of the read is dropped: the connection closes then.
    while (at < end && this.#isReading) {
      at =
        this.#framing === undefined
          ? this.#readHead(bytes.subarray(at, end), at)
          : this.#readBody(bytes, at, end)
    }
  }

  /**
   * Handles the end of the connection.
   * @throws Http1Error `ERR_HTTP1_CLOSED` if the response is incomplete
   */
  close(): void {
    if (!this.#isReading) return
    if (this.#framing !== 'until-close')
      throw new Http1Error('ERR_HTTP1_CLOSED', 'the connection ended before the answer did')
    this.#end(0)
  }

  /**
   * @param bytes the read from the head on
   * @param start offset of these bytes in the read
   * @returns the end of the head as an offset in the read
   */
  #readHead(bytes: Buffer, start: number): number {
    const heldBytes = this.#held.length
    const whole = heldBytes === 0 ? bytes : Buffer.concat([this.#held, bytes])
    // The end mark may begin in the bytes held from earlier reads.
    const mark = whole.indexOf(headEnd, Math.max(0, heldBytes - 3))
    const end = mark < 0 ? whole.length : mark + headEnd.length
    if (end > maxHeadBytes) throw invalidResponse('response head too large')
    if (mark < 0) {
      refuseOtherProtocols(whole, heldBytes)
      this.#held = heldBytes === 0 ? Buffer.from(bytes) : whole
      return start + bytes.length
    }
    this.#held = noBytes
    const head = parseResponseHead(whole.toString('latin1', 0, end), this.#method)
    // The client never requests an upgrade.
    if (head.statusCode === 101) throw invalidResponse('upgrade without a request')
    if (!isInterim(head.statusCode)) this.#begin(head, whole.length - end)
    else if (++this.#interimAnswers > maxInterimAnswers) throw invalidResponse('too many interim answers')
    return start + end - heldBytes
  }

  #begin(head: ResponseHead, restBytes: number): void {
    const { framing } = head
    this.#framing = framing
    if (framing === 'chunked') this.#chunked = new ChunkedBody()
    else this.#leftBytes = framing === 'until-close' ? Number.POSITIVE_INFINITY : framing
    this.#listener.head(head)
    if (framing === 0) this.#end(restBytes)
  }

  /** @returns offset after the body's bytes in this read */
  #readBody(bytes: Buffer, start: number, end: number): number {
    if (this.#chunked !== undefined) return this.#readChunks(this.#chunked, bytes, start, end)
    const bodyEnd = Math.min(end, start + this.#leftBytes)
    this.#leftBytes -= bodyEnd - start
    this.#listener.data(copyOf(bytes, start, bodyEnd))
    if (this.#leftBytes === 0) this.#end(end - bodyEnd)
    return bodyEnd
  }

  #readChunks(chunked: ChunkedBody, bytes: Buffer, start: number, end: number): number {
    const data = chunked.read(bytes, start, end)
    if (data.length > 0) this.#listener.data(data)
    if (chunked.isOver) this.#end(end - chunked.readEnd)
    return chunked.readEnd
  }

  #end(restBytes: number): void {
    if (!this.#isReading) return
    this.#isReading = false
    this.#listener.end(restBytes === 0)
  }
}
