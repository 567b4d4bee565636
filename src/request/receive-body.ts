import type { Readable } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { IncomingRequest } from '../http1-server/incoming-request.ts'
import { decodeBody, toCodingError } from './content-coding.ts'

type Received = (error: Error | null, body?: Buffer) => void

/** Smaller pieces may share their memory with others, and giving them back saves nothing. */
const ownMemoryBytes = 16_384

/**
 * Receives a request's body whole. A piece that holds all of it is the body; else the pieces are copied to
 * their places as they come, and those that nobody else looks at give their memory back at once: it does not
 * lie in the heap, so that a few large bodies brought on one full collection after the other (a quarter of all
 * that a request of 100 KB cost).
 * @param lengthBytes as announced; undefined where it was not, or where `payload` is not what came over the wire
 * @param limitBytes a larger body is refused
 * @param received called once; payload_too_large, or what broke the payload
 */
export function receiveBody(
  payload: Readable,
  lengthBytes: number | undefined,
  limitBytes: number,
  received: Received,
): void {
  if (lengthBytes !== undefined && lengthBytes > limitBytes) {
    received(new GatewayError('payload_too_large'))
    return
  }
  if (
    payload instanceof IncomingRequest &&
    payload.listenerCount('data') === 0 &&
    payload.receiveWhole(received)
  )
    return
  const parts: Buffer[] = []
  let whole: Buffer | undefined
  let bytes = 0

  function onData(chunk: Buffer): void {
    const at = bytes
    bytes += chunk.length
    if (lengthBytes === undefined) {
      parts.push(chunk)
      if (bytes > limitBytes) finish(new GatewayError('payload_too_large'))
      return
    }
    if (chunk.length === lengthBytes) {
      whole = chunk
      return
    }
    whole ??= Buffer.allocUnsafeSlow(lengthBytes)
    chunk.copy(whole, at)
    if (payload.listenerCount('data') === 1) giveBack(chunk)
  }

  function onEnd(): void {
    if (lengthBytes === undefined) finish(null, parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes))
    else finish(null, whole ?? Buffer.alloc(0))
  }

  function finish(error: Error | null, body?: Buffer): void {
    payload.off('data', onData)
    payload.off('end', onEnd)
    payload.off('error', finish)
    received(error, body)
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
  limitBytes: number,
  received: Received,
): void {
  const { stream, stop } = decodeBody(payload, codings)
  receiveBody(stream, undefined, limitBytes, (error, body) => {
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
