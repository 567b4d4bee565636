import type { ClientRequest, RequestHandler } from './contract.ts'

export interface ReusableConnection {
  readonly isUsable: boolean
  /** Closes an idle connection. */
  close(): void
}

export interface DeferredRequest {
  readonly request: ClientRequest
  readonly handler: RequestHandler
}

/**
 * After a request found its connection closed, every request waits one event-loop turn for pending closes, for this
 * long.
 */
const cautiousMs = 60_000

/**
 * The idle connections of a pool; the most recently used one is reused first.
 *
 * A server may close a connection right after its response without announcing it, and the client reads that close one
 * event-loop turn after the response. So a connection rests for a turn before it is reused, and a request that could
 * only use a resting connection waits for it.
 */
export class IdleConnections<Connection extends ReusableConnection> {
  readonly #send: (deferred: DeferredRequest) => void
  readonly #idle: Connection[] = []
  /** Connections released since the last turn; `#resting` holds those of the turn before. */
  #released: Connection[] = []
  #resting: Connection[] = []
  /** Requests that wait, split in the same way. */
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

  /** @returns whether the request should wait a turn or two; it is then sent automatically */
  defer(request: ClientRequest, handler: RequestHandler, nowMs: number): boolean {
    const isCautious = nowMs < this.#cautiousUntilMs
    if (this.#idle.length > 0 && !isCautious) return false
    if (this.#deferred.length + this.#due.length >= this.size) return false
    this.#deferred.push({ request, handler })
    this.#turnLater()
    return true
  }

  /** Records that a request found its connection closed. */
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

  /** @param isOver selects the connections */
  close(isOver: (connection: Connection) => boolean): void {
    for (const list of [this.#idle, this.#resting, this.#released]) {
      for (const connection of list.filter(isOver)) {
        list.splice(list.indexOf(connection), 1)
        connection.close()
      }
    }
  }

  /** Connections alone need not keep the process alive: a turn passes before a request needs one. */
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
