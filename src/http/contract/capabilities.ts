import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Readable } from 'node:stream'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import type { BodyKeeper } from '../../kernel/memory/growing-body.ts'

/*
 * What an HTTP server can offer beyond Node's API. A server offers a capability by having the member; without it the
 * gateway uses Node's API. The symbols are registered, so that a server from another copy of this package is found.
 */

/** On a request: its head is known to be as strict as RFC 9112 asks, and is not checked again. */
export const kStrictHead: unique symbol = Symbol.for('olla-gateway.http.strict-head')
/** On a request: gives its body whole, without a stream. */
export const kTakeBody: unique symbol = Symbol.for('olla-gateway.http.take-body')
/** On a request: ends the wait for its body, and keeps the connection for an answer. */
export const kGiveUpBody: unique symbol = Symbol.for('olla-gateway.http.give-up-body')
/** On a request: whether another request has come behind it on the connection. */
export const kIsFollowed: unique symbol = Symbol.for('olla-gateway.http.is-followed')
/** On a response: writes an answer whose head and parts are at hand. */
export const kWriteParts: unique symbol = Symbol.for('olla-gateway.http.write-parts')
/** On a server: from now on each answer ends its connection. */
export const kDrain: unique symbol = Symbol.for('olla-gateway.http.drain')
/** On a server: the limit of its connections. */
export const kConnectionLimit: unique symbol = Symbol.for('olla-gateway.http.connection-limit')

/** Called once: the body, or why it did not come. */
export type BodyReceived = (error: Error | null, body?: Buffer) => void

export interface CapableRequest extends IncomingMessage {
  readonly [kStrictHead]?: boolean
  readonly [kIsFollowed]?: boolean
  /** @returns whether a reader has been given the error */
  [kGiveUpBody]?(error: Error): boolean
}

/** A request, or any other stream that a body is read from. */
export interface CapableBody extends Readable {
  /**
   * @param keeper gets a body that comes in several pieces
   * @param received perhaps called before this returns
   * @returns false where the body is read as a stream already
   */
  [kTakeBody]?(budget: BufferBudget, keeper: BodyKeeper, received: BodyReceived): boolean
}

export interface CapableResponse extends ServerResponse {
  /** Undefined where other code has replaced the response's `write`, and must see every byte. */
  readonly [kWriteParts]?: PartsWriter | undefined
}

/** Used from the first byte of an answer to the last. */
export interface PartsWriter {
  /**
   * Begins an answer: the head goes out with the first bytes.
   * @param headers flat name/value pairs
   * @throws TypeError `ERR_INVALID_CHAR`
   */
  begin(statusCode: number, headers: readonly string[]): void
  /**
   * @param bytes of all parts together
   * @param written called when they have been handed to the system
   * @returns false where the client does not keep up; the response then emits `drain`
   */
  send(parts: readonly Buffer[], bytes: number, written?: (error?: Error | null) => void): boolean
  /** The last bytes, perhaps none, and the end. */
  finish(parts: readonly Buffer[], bytes: number): void
  /** The last bytes of an answer that is not complete. */
  breakOff(bytes: Buffer, written: (error?: Error | null) => void): void
}

export interface CapableServer extends Server {
  [kDrain]?(): void
  [kConnectionLimit]?: LimitedConnections | undefined
}

/** Connections of clients, of which there is a limited number. */
export interface LimitedConnections {
  /** Now. */
  readonly open: number
  /** Infinity without a limit. */
  readonly max: number
  observe(observer: ConnectionLimitObserver): void
  /** The process has run out of descriptors: accepts nothing for a moment, in which each answer ends its connection. */
  shortage(): void
}

export interface ConnectionLimitObserver {
  /** Accepting has paused. */
  paused(): void
  /** Idle connections were closed so that others can be accepted. */
  closedIdle(connections: number): void
}
