import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { GatewayError } from '../../kernel/errors.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import { type BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import { type BodyReceived, type CapableBody, kTakeBody } from '../contract/capabilities.ts'
import { decodeBody, toCodingError } from './content-coding.ts'

/** Limits for the bodies of requests. */
export interface BodyRoom {
  readonly budget: BufferBudget
  /** The gateway rejects larger bodies. */
  readonly limitBytes: number
}

/**
 * Receives the whole body of a request. A body that arrives in one chunk is used as it is; several chunks are copied
 * into one buffer as they arrive. Memory of chunks that the gateway read from the connection is released at once,
 * unless they have another reader.
 * @param lengthBytes announced length; undefined if there was none, or if `payload` differs from the bytes on the wire
 * @param keeper holds a body that arrives in several chunks
 * @param received called once, with the body or payload_too_large, memory_busy or the error of the payload
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
  // A host application may still use the chunks of a stream that it created.
  gather(payload, payload instanceof IncomingMessage, lengthBytes, room, keeper, received)
}

/** @param isOurs whether the gateway alone holds the chunks, unless there is another reader */
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

  function onData(chunk: Buffer): void {
    bytes += chunk.length
    if (bytes > limitBytes) {
      finish(new GatewayError('payload_too_large'))
      return
    }
    if (first === undefined) {
      first = chunk
      return
    }
    if (body === undefined) {
      body = new GrowingBody(budget, lengthBytes, limitBytes, onRoom, keeper.memoryRank)
      keeper.heldBody = body
      add(body, first)
    }
    add(body, chunk)
  }

  function add(to: GrowingBody, chunk: Buffer): void {
    if (!to.push(chunk)) {
      isFull = true
      payload.pause()
    } else if (isOurs && payload.listenerCount('data') === 1) giveBack(chunk)
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
 * Receives the whole body and decodes it. The limit applies to the decoded body, so that a small body cannot expand
 * into a large one.
 * @param codings result of `readCodings`; at least one
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
