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

/** Where the rest of a body comes from. */
export interface BodySource {
  /** More is wanted. */
  resume(): void
  /** No more for now. */
  pause(): void
  /** Bytes of another request have come behind this one. */
  readonly hasEarly: boolean
}

const noBytes: Buffer = Buffer.alloc(0)

/**
 * Node's request, filled in by our own reader. Its body can be had as the stream that it is, or whole and at
 * once without one.
 */
export class IncomingRequest extends IncomingMessage implements CapableRequest, CapableBody {
  // What Node's own parser calls; its types leave it out.
  declare readonly _addHeaderLines: (headers: string[], count: number) => void
  readonly #source: BodySource
  readonly #lengthBytes: number
  #leftBytes: number
  /** What came with the head, until it is read. */
  #first: Buffer
  readonly #headBytes: number
  #whole: GrowingBody | undefined
  #received: BodyReceived | undefined
  #isStreamed = false
  #isDiscarded = false

  /** @param first what of the body has come with the head */
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

  /** Bytes of the body that are still to come. */
  get leftBytes(): number {
    return this.#leftBytes
  }

  /** Whether what is still to come has a reader. */
  get isWanted(): boolean {
    return this.complete || this.#isStreamed || this.#received !== undefined || this.#isDiscarded
  }

  /** Whether a reader waits for the whole body, be it for its last bytes or for room. */
  get isAwaited(): boolean {
    return this.#received !== undefined
  }

  /**
   * The whole body as soon as it is there, perhaps before this returns. A body that one read brings with its head
   * stays where it is; the others are part of the budget.
   * @param keeper gets a body that comes in several pieces
   * @returns false where it is read as a stream already
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
    const whole = new GrowingBody(budget, this.#lengthBytes, this.#lengthBytes, this.#onRoom)
    this.#whole = whole
    keeper.heldBody = whole
    this.#source.resume()
    if (first.length > 0) this.#gather(whole, first, this.#headBytes)
    return true
  }

  /** The answer is out: the rest is not wanted, unless it is read as a stream. */
  discard(): void {
    if (this.#isStreamed) return
    this.#isDiscarded = true
    this.#first = noBytes
    this.#received = undefined
  }

  /** The next part of the body. */
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

  readonly #onRoom = (error?: Error): void => {
    const received = this.#received
    const whole = this.#whole
    if (received === undefined || whole === undefined) return
    if (error !== undefined) {
      // The rest is read past.
      this.#isDiscarded = true
      this.#received = undefined
      received(error)
    } else if (this.complete) this.#isGathered(whole)
    this.#source.resume()
  }

  /** A head that is not plain is left to Node's parser. */
  get [kStrictHead](): boolean {
    return true
  }

  get [kIsFollowed](): boolean {
    return this.#source.hasEarly
  }

  /**
   * The rest is waited for no longer; the connection stays, for an answer.
   * @returns whether a reader has been given the error
   */
  [kGiveUpBody](error: Error): boolean {
    const received = this.#received
    this.#received = undefined
    if (received !== undefined) {
      // The rest is read past.
      this.#isDiscarded = true
      received(error)
      this.#source.resume()
      return true
    }
    return this.listenerCount('error') > 0 && this.emit('error', error)
  }

  /** The rest will not come. */
  break(error: Error): void {
    const received = this.#received
    this.#received = undefined
    this.destroy(error)
    received?.(error)
  }

  /** The connection is gone: the body counts no more. */
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
