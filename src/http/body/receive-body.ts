import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { GatewayError } from '../../kernel/errors.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import { type BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import { type BodyReceived, type CapableBody, kTakeBody } from '../contract/capabilities.ts'
import { decodeBody, toCodingError } from './content-coding.ts'

/** What bodies are received into. */
export interface BodyRoom {
  readonly budget: BufferBudget
  /** A larger body is refused. */
  readonly limitBytes: number
}

/**
 * Receives a request's body whole. A piece that holds all of it is the body; otherwise the pieces are copied to their
 * places as they come, and their memory is freed at once where they come from the connection and have no other reader.
 * @param lengthBytes as announced; undefined where it was not, or where `payload` is not what came over the wire
 * @param keeper gets a body that comes in several pieces
 * @param received called once; payload_too_large, memory_busy, or what broke the payload
 */
export function receiveBody(
  payload: CapableBody,
  lengthBytes: number | undefined,
  room: BodyRoom,
  keeper: BodyKeeper,
  received: BodyReceived,
): void {
  if (lengthBytes !== undefined && lengthBytes > room.limitBytes) {
    received(new GatewayError('payload_too_large'))
    return
  }
  if (
    payload[kTakeBody] !== undefined &&
    payload.listenerCount('data') === 0 &&
    payload[kTakeBody](room.budget, keeper, received)
  )
    return
  // A stream of the host's own may give pieces that the host keeps.
  gather(payload, payload instanceof IncomingMessage, lengthBytes, room, keeper, received)
}

/** @param isOurs whether nothing else holds the pieces, unless there is another reader */
function gather(
  payload: Readable,
  isOurs: boolean,
  lengthBytes: number | undefined,
  { budget, limitBytes }: BodyRoom,
  keeper: BodyKeeper,
  received: BodyReceived,
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
    } else if (isOurs && payload.listenerCount('data') === 1) giveBack(piece)
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
  received: BodyReceived,
): void {
  const { stream, stop } = decodeBody(payload, codings)
  gather(stream, true, undefined, room, keeper, (error, body) => {
    if (error === null) {
      received(null, body)
      return
    }
    stop()
    received(toCodingError(error))
  })
}
