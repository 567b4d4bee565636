import type { Readable } from 'node:stream'
import { GatewayError } from '../../kernel/errors.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { type BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import { IncomingRequest } from '../server/incoming-request.ts'
import { decodeBody, toCodingError } from './content-coding.ts'

type Received = (error: Error | null, body?: Buffer) => void

/** Smaller pieces may share their memory with others, and giving them back saves nothing. */
const ownMemoryBytes = 16_384

/** What bodies are received into. */
export interface BodyRoom {
  readonly budget: BufferBudget
  /** A larger body is refused. */
  readonly limitBytes: number
}

/**
 * Receives a request's body whole. A piece that holds all of it is the body; else the pieces are copied to
 * their places as they come, and those without another reader give their memory back at once: it does not
 * lie in the heap, so that a few large bodies brought on one full collection after the other (a quarter of all
 * that a request of 100 KB cost).
 * @param lengthBytes as announced; undefined where it was not, or where `payload` is not what came over the wire
 * @param keeper gets a body that comes in several pieces
 * @param received called once; payload_too_large, memory_busy, or what broke the payload
 */
export function receiveBody(
  payload: Readable,
  lengthBytes: number | undefined,
  room: BodyRoom,
  keeper: BodyKeeper,
  received: Received,
): void {
  if (lengthBytes !== undefined && lengthBytes > room.limitBytes) {
    received(new GatewayError('payload_too_large'))
    return
  }
  if (
    payload instanceof IncomingRequest &&
    payload.listenerCount('data') === 0 &&
    payload.receiveWhole(room.budget, keeper, received)
  )
    return
  gather(payload, lengthBytes, room, keeper, received)
}

function gather(
  payload: Readable,
  lengthBytes: number | undefined,
  { budget, limitBytes }: BodyRoom,
  keeper: BodyKeeper,
  received: Received,
): void {
  let first: Buffer | undefined
  let body: GrowingBody | undefined
  let bytes = 0
  let isWhole = false
  let isFull = false

  function onData(piece: Buffer): void {
    bytes += piece.length
    if (bytes > limitBytes) {
      finish(new GatewayError('payload_too_large'))
      return
    }
    if (first === undefined) {
      first = piece
      return
    }
    if (body === undefined) {
      body = new GrowingBody(budget, lengthBytes, limitBytes, onRoom)
      keeper.heldBody = body
      add(body, first)
    }
    add(body, piece)
  }

  function add(to: GrowingBody, piece: Buffer): void {
    if (!to.push(piece)) {
      isFull = true
      payload.pause()
    } else if (payload.listenerCount('data') === 1) giveBack(piece)
  }

  function onRoom(error?: GatewayError): void {
    isFull = false
    if (error !== undefined) finish(error)
    else if (isWhole) finish(null)
    payload.resume()
  }

  function onEnd(): void {
    isWhole = true
    if (!isFull) finish(null)
  }

  function finish(error: Error | null): void {
    payload.off('data', onData)
    payload.off('end', onEnd)
    payload.off('error', finish)
    if (error !== null) {
      body?.over()
      received(error)
    } else received(null, body?.take() ?? first ?? Buffer.alloc(0))
  }

  payload.on('data', onData)
  payload.on('end', onEnd)
  payload.on('error', finish)
}

/**
 * Receives a body whole and undoes its codings; the limit holds for what comes out, so that a small body cannot
 * become a large one.
 * @param codings as `readCodings` has them; at least one
 */
export function receiveDecoded(
  payload: Readable,
  codings: readonly string[],
  room: BodyRoom,
  keeper: BodyKeeper,
  received: Received,
): void {
  const { stream, stop } = decodeBody(payload, codings)
  receiveBody(stream, undefined, room, keeper, (error, body) => {
    if (error === null) {
      received(null, body)
      return
    }
    stop()
    received(toCodingError(error))
  })
}

function giveBack({ buffer, length }: Buffer): void {
  if (length >= ownMemoryBytes && buffer.byteLength === length && buffer instanceof ArrayBuffer)
    buffer.transfer(0)
}
