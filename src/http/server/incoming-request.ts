import { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import { type BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import {
  type BodyReceived,
  type CapableBody,
  type CapableRequest,
  kGiveUpBody,
  kIsFollowed,
  kStrictHead,
  kTakeBody,
} from '../contract/capabilities.ts'
import type { PlainHead } from './plain-head.ts'

/** Source of the rest of a body. */
export interface BodySource {
  /** Requests more bytes. */
  resume(): void
  /** Stops the bytes for now. */
  pause(): void
  /** Whether bytes of another request have arrived after this one. */
  readonly hasEarly: boolean
}

const noBytes: Buffer = Buffer.alloc(0)

/** Node's request, filled in by the gateway's parser. Its body is available as a stream, or whole and without one. */
export class IncomingRequest extends IncomingMessage implements CapableRequest, CapableBody {
  // Methods that Node's own parser calls and its types omit.
  declare readonly _addHeaderLines: (headers: string[], count: number) => void
  readonly #source: BodySource
  readonly #lengthBytes: number
  #leftBytes: number
  /** Bytes of the body that arrived with the head, until they are read. */
  #first: Buffer
  readonly #headBytes: number
  #whole: GrowingBody | undefined
  #received: BodyReceived | undefined
  #isStreamed = false
  #isDiscarded = false

  /** @param first bytes of the body that arrived with the head */
  constructor(socket: Socket, source: BodySource, head: PlainHead, first: Buffer) {
    super(socket)
    this.#source = source
    this.#lengthBytes = head.lengthBytes
    this.#leftBytes = head.lengthBytes - first.length
    this.#first = first
    this.#headBytes = head.headBytes
    this.httpVersion = '1.1'
    this.httpVersionMajor = 1
    this.httpVersionMinor = 1
    this.method = head.method
    this.url = head.target
    this._addHeaderLines(head.headers, head.headers.length)
    this.complete = this.#leftBytes === 0
  }

  /** Bytes of the body still to come. */
  get leftBytes(): number {
    return this.#leftBytes
  }

  /** Whether the rest of the body has a reader. */
  get isWanted(): boolean {
    return this.complete || this.#isStreamed || this.#received !== undefined || this.#isDiscarded
  }

  /** Whether a reader waits for the whole body: for its last bytes or for memory. */
  get isAwaited(): boolean {
    return this.#received !== undefined
  }

  /**
   * Delivers the whole body as soon as it has arrived, perhaps before this returns. A body that arrives in one read
   * with its head stays in that buffer; other bodies count towards the budget.
   * @param keeper holds a body that arrives in several chunks
   * @returns false if the body is already being read as a stream
   */
  [kTakeBody](budget: BufferBudget, keeper: BodyKeeper, received: BodyReceived): boolean {
    if (this.#isStreamed || this.#received !== undefined) return false
    const first = this.#first
    this.#first = noBytes
    if (this.complete) {
      received(null, first)
      return true
    }
    this.#received = received
    const whole = new GrowingBody(
      budget,
      this.#lengthBytes,
      this.#lengthBytes,
      (error) => this.#roomGiven(error),
      keeper.memoryRank,
    )
    this.#whole = whole
    keeper.heldBody = whole
    this.#source.resume()
    if (first.length > 0) this.#gather(whole, first, this.#headBytes)
    return true
  }

  /** Discards the rest of the body after the response, unless it is read as a stream. */
  discard(): void {
    if (this.#isStreamed) return
    this.#isDiscarded = true
    this.#first = noBytes
    this.#received = undefined
  }

  /** Adds the next chunk of the body. */
  add(bytes: Buffer): void {
    this.#leftBytes -= bytes.length
    this.complete = this.#leftBytes === 0
    if (this.#received !== undefined && this.#whole !== undefined) {
      this.#gather(this.#whole, bytes)
    } else if (this.#isStreamed && !this.#isDiscarded) {
      if (!this.push(bytes)) this.#source.pause()
      if (this.complete) this.push(null)
    } else giveBack(bytes)
  }

  #gather(whole: GrowingBody, bytes: Buffer, bytesBefore = 0): void {
    if (!whole.push(bytes)) {
      this.#source.pause()
      return
    }
    giveBack(bytes, bytesBefore)
    if (this.complete) this.#isGathered(whole)
  }

  #isGathered(whole: GrowingBody): void {
    const received = this.#received
    this.#received = undefined
    received?.(null, whole.take())
  }

  #roomGiven(error: Error | undefined): void {
    const received = this.#received
    const whole = this.#whole
    if (received === undefined || whole === undefined) return
    if (error !== undefined) {
      // The rest of the body is discarded.
      this.#isDiscarded = true
      this.#received = undefined
      received(error)
    } else if (this.complete) this.#isGathered(whole)
    this.#source.resume()
  }

  /** Always true: Node's parser handles every head that is not plain. */
  get [kStrictHead](): boolean {
    return true
  }

  get [kIsFollowed](): boolean {
    return this.#source.hasEarly
  }

  /**
   * Stops waiting for the rest of the body; the connection stays open for a response.
   * @returns whether a reader received the error
   */
  [kGiveUpBody](error: Error): boolean {
    const received = this.#received
    this.#received = undefined
    if (received !== undefined) {
      // The rest of the body is discarded.
      this.#isDiscarded = true
      received(error)
      this.#source.resume()
      return true
    }
    return this.listenerCount('error') > 0 && this.emit('error', error)
  }

  /** Fails the body, because the rest will not arrive. */
  break(error: Error): void {
    const received = this.#received
    this.#received = undefined
    this.destroy(error)
    received?.(error)
  }

  /** Releases the body from the budget after its connection has closed. */
  lost(): void {
    this.#whole?.over()
  }

  override _read(size: number): void {
    super._read(size)
    this.#source.resume()
    if (this.#isStreamed || this.#received !== undefined) return
    this.#isStreamed = true
    const first = this.#first
    this.#first = noBytes
    if (first.length > 0) this.push(first)
    if (this.complete) this.push(null)
  }
}
