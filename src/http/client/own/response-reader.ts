import { maxHeadBytes, maxInterimAnswers } from '../contract.ts'
import { Http1Error, invalidResponse } from '../errors.ts'
import { refuseOtherProtocols } from '../first-bytes.ts'
import { ChunkedBody } from './chunked-body.ts'
import { copyOf } from './copy-of.ts'
import { type BodyFraming, isInterim, parseResponseHead, type ResponseHead } from './response-head.ts'

/** What a reader tells of one answer, in this order. */
export interface AnswerListener {
  head(head: ResponseHead): void
  /** @param data its own bytes, which may be kept */
  data(data: Buffer): void
  /**
   * The answer is complete.
   * @param isClean nothing has followed it, so that the connection may carry another request
   */
  end(isClean: boolean): void
}

const noBytes: Buffer = Buffer.alloc(0)
const headEnd = Buffer.from('\r\n\r\n')

/**
 * Reads one answer after the other off a connection (RFC 9112), one request at a time: `begin` before each
 * answer. Whatever it throws, the connection is of no more use.
 */
export class ResponseReader {
  readonly #listener: AnswerListener
  #method = 'GET'
  #isReading = false
  #held = noBytes
  /** Of the answer whose head has been read; the head itself is the listener's. */
  #framing: BodyFraming | undefined
  #chunked: ChunkedBody | undefined
  #leftBytes = 0
  #interimAnswers = 0

  constructor(listener: AnswerListener) {
    this.#listener = listener
  }

  /** A request has been sent. @param method as it was sent */
  begin(method: string): void {
    this.#method = method
    this.#isReading = true
    this.#held = noBytes
    this.#framing = undefined
    this.#chunked = undefined
    this.#interimAnswers = 0
  }

  /** The answer is not wanted any more: no word of it is told. */
  stop(): void {
    this.#isReading = false
  }

  /**
   * @param bytes what one read has brought; valid during this call only
   * @param end where it ends in them
   * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`, also where nothing was asked
   */
  push(bytes: Buffer, end: number): void {
    if (!this.#isReading) throw invalidResponse('bytes without a request')
    let at = 0
    // An answer that ends or is given up takes what follows with it: its connection is closed then.
    while (at < end && this.#isReading) {
      at =
        this.#framing === undefined
          ? this.#readHead(bytes.subarray(at, end), at)
          : this.#readBody(bytes, at, end)
    }
  }

  /**
   * The other side has ended the connection.
   * @throws Http1Error `ERR_HTTP1_CLOSED` where that leaves an answer incomplete
   */
  close(): void {
    if (!this.#isReading) return
    if (this.#framing !== 'until-close')
      throw new Http1Error('ERR_HTTP1_CLOSED', 'the connection ended before the answer did')
    this.#end(0)
  }

  /**
   * @param bytes from the head on
   * @param start where they begin in the read
   * @returns where the head ends in the read
   */
  #readHead(bytes: Buffer, start: number): number {
    const heldBytes = this.#held.length
    const whole = heldBytes === 0 ? bytes : Buffer.concat([this.#held, bytes])
    // Part of the mark may be among the bytes that were held.
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
    // No request asked for another protocol.
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

  /** @returns where what is read of the body ends */
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
