import type { ClientRequest, RequestHandler } from './contract.ts'

export interface ReusableConnection {
  readonly isUsable: boolean
  /** Ends an idle connection. */
  close(): void
}

export interface DeferredRequest {
  readonly request: ClientRequest
  readonly handler: RequestHandler
}

/** For so long after a request met the end of a connection, each request waits a turn for the ends of others. */
const cautiousMs = 60_000

/**
 * The connections of a pool that carry nothing; the one that was used last is taken first.
 *
 * A server may end a connection right behind its answer without having said so, and that end is read a turn of the
 * event loop later than the answer. So a connection rests for a turn before it is used again, and a request that
 * could only have one that rests waits for it.
 */
export class IdleConnections<Connection extends ReusableConnection> {
  readonly #send: (deferred: DeferredRequest) => void
  readonly #idle: Connection[] = []
  /** Released since the last turn, and in the turn before that. */
  #released: Connection[] = []
  #resting: Connection[] = []
  /** Requests that wait, likewise. */
  #deferred: DeferredRequest[] = []
  #due: DeferredRequest[] = []
  #turning: NodeJS.Immediate | undefined
  #cautiousUntilMs = Number.NEGATIVE_INFINITY

  /** @param send called with a request that has waited; must not throw */
  constructor(send: (deferred: DeferredRequest) => void) {
    this.#send = send
  }

  get size(): number {
    return this.#idle.length + this.#resting.length + this.#released.length
  }

  /** @returns a connection that can carry a request now */
  take(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined || connection.isUsable) return connection
      connection.close()
    }
  }

  /** @returns whether the request is better sent a turn or two later, when it will be */
  defer(request: ClientRequest, handler: RequestHandler, nowMs: number): boolean {
    const isCautious = nowMs < this.#cautiousUntilMs
    if (this.#idle.length > 0 && !isCautious) return false
    if (this.#deferred.length + this.#due.length >= this.size) return false
    this.#deferred.push({ request, handler })
    this.#turnLater()
    return true
  }

  /** A request has met the end of a connection. */
  metEnd(nowMs: number): void {
    this.#cautiousUntilMs = nowMs + cautiousMs
  }

  add(connection: Connection): void {
    this.#released.push(connection)
    this.#turnLater()
  }

  remove(connection: Connection): void {
    for (const list of [this.#idle, this.#resting, this.#released]) {
      const at = list.indexOf(connection)
      if (at >= 0) list.splice(at, 1)
    }
  }

  /** @param isOver which ones */
  close(isOver: (connection: Connection) => boolean): void {
    for (const list of [this.#idle, this.#resting, this.#released]) {
      for (const connection of list.filter(isOver)) {
        list.splice(list.indexOf(connection), 1)
        connection.close()
      }
    }
  }

  /** Connections alone are no reason for another turn: one will come before they are needed. */
  #turnLater(): void {
    this.#turning ??= setImmediate(this.#turn).unref()
    if (this.#deferred.length > 0 || this.#due.length > 0) this.#turning.ref()
  }

  readonly #turn = (): void => {
    this.#turning = undefined
    for (const connection of this.#resting) this.#idle.push(connection)
    this.#resting = this.#released
    this.#released = []
    const due = this.#due
    this.#due = this.#deferred
    this.#deferred = []
    for (const deferred of due) this.#send(deferred)
    if (this.#resting.length > 0 || this.#due.length > 0) this.#turnLater()
  }
}
