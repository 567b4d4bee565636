import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Readable } from 'node:stream'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import type { BodyKeeper } from '../../kernel/memory/growing-body.ts'

/*
 * What an HTTP server can offer beyond Node's API. A server offers a capability by having the member; without it the
 * gateway uses Node's API. The symbols are registered, so they also match a server from another copy of this package.
 */

/** On a request: its head is known to be as strict as RFC 9112 requires, and is not checked again. */
export const kStrictHead: unique symbol = Symbol.for('olla-gateway.http.strict-head')
/** On a request: delivers the whole body without a stream. */
export const kTakeBody: unique symbol = Symbol.for('olla-gateway.http.take-body')
/** On a request: stops waiting for the body and keeps the connection for a response. */
export const kGiveUpBody: unique symbol = Symbol.for('olla-gateway.http.give-up-body')
/** On a request: whether another request has arrived after it on the connection. */
export const kIsFollowed: unique symbol = Symbol.for('olla-gateway.http.is-followed')
/** On a response: writes a response from its head and buffers. */
export const kWriteParts: unique symbol = Symbol.for('olla-gateway.http.write-parts')
/** On a server: makes each response from now on end its connection. */
export const kDrain: unique symbol = Symbol.for('olla-gateway.http.drain')
/** On a server: the limit of its connections. */
export const kConnectionLimit: unique symbol = Symbol.for('olla-gateway.http.connection-limit')

/** Called once with the body, or with the error that prevented it. */
export type BodyReceived = (error: Error | null, body?: Buffer) => void

export interface CapableRequest extends IncomingMessage {
  readonly [kStrictHead]?: boolean
  readonly [kIsFollowed]?: boolean
  /** @returns whether a reader received the error */
  [kGiveUpBody]?(error: Error): boolean
}

/** A request, or another stream from which a body is read. */
export interface CapableBody extends Readable {
  /**
   * @param keeper holds a body that arrives in several chunks
   * @param received may be called before this method returns
   * @returns false if the body is already being read as a stream
   */
  [kTakeBody]?(budget: BufferBudget, keeper: BodyKeeper, received: BodyReceived): boolean
}

export interface CapableResponse extends ServerResponse {
  /** Undefined if other code has replaced the response's `write` and must see every byte. */
  readonly [kWriteParts]?: PartsWriter | undefined
}

/** Writes a response, from the first byte to the last. */
export interface PartsWriter {
  /**
   * Begins a response: the head is sent together with the first bytes.
   * @param headers flat name/value pairs
   * @throws TypeError `ERR_INVALID_CHAR`
   */
  begin(statusCode: number, headers: readonly string[]): void
  /**
   * @param bytes total length of all parts
   * @param written called when the parts have been passed to the system
   * @returns false if the client reads too slowly; the response then emits `drain`
   */
  send(parts: readonly Buffer[], bytes: number, written?: (error?: Error | null) => void): boolean
  /** Sends the last bytes, perhaps none, and ends the response. */
  finish(parts: readonly Buffer[], bytes: number): void
  /** Sends the last bytes of an incomplete response. */
  breakOff(bytes: Buffer, written: (error?: Error | null) => void): void
}

export interface CapableServer extends Server {
  [kDrain]?(): void
  [kConnectionLimit]?: LimitedConnections | undefined
}

/** Client connections with a limit. */
export interface LimitedConnections {
  /** Number of open connections now. */
  readonly open: number
  /** Infinity if there is no limit. */
  readonly max: number
  observe(observer: ConnectionLimitObserver): void
  /**
   * Pauses accepting for a moment because the process has run out of descriptors; each response then ends its
   * connection.
   */
  shortage(): void
}

export interface ConnectionLimitObserver {
  /** Accepting has paused. */
  paused(): void
  /** Idle connections were closed so that others can be accepted. */
  closedIdle(connections: number): void
}
