import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import {
  type CapableServer,
  type ConnectionLimitObserver,
  kConnectionLimit,
  type LimitedConnections,
} from '../contract/capabilities.ts'
import { pauseAccepting, resumeAccepting } from './accept-pause.ts'
import { responseInFlight } from './in-flight.ts'

export interface ConnectionLimitOptions {
  /** Maximum concurrent client connections; 0 means no limit. */
  readonly max: number
  readonly clock: Clock
}

/** Interval at which idle connections are closed while others wait. */
const checkIntervalMs = 250
/**
 * Number of checks without traffic after which an idle connection counts as resting: its client probably has no further
 * request now.
 */
const minIdleChecks = 4
/** Pause in accepting after a shortage of descriptors, as in nginx. */
const shortageMs = 500
/** Fraction of connections (one in 16) that are closed at once if they are resting; nginx reuses as many. */
const roomShare = 16

/**
 * Limits client connections, so that descriptors remain for endpoints, files and probes. At the limit the listeners
 * stop accepting and further connections wait in the kernel's queue. Meanwhile idle connections are closed, longest
 * idle first, and each response ends its connection.
 */
export class ConnectionLimit implements LimitedConnections {
  readonly #max: number
  readonly #clock: Clock
  readonly #servers = new Set<Server>()
  readonly #observers = new Set<ConnectionLimitObserver>()
  readonly #sockets = new Set<Socket>()
  /** Bytes transferred on each idle connection and the number of checks since then, while accepting is paused. */
  #resting = new Map<Socket, { bytes: number; checks: number }>()
  #isPaused = false
  #shortUntilMs = 0
  #timer: Timer | undefined

  constructor({ max, clock }: ConnectionLimitOptions) {
    this.#max = max === 0 ? Number.POSITIVE_INFINITY : max
    this.#clock = clock
  }

  /** Number of client connections now. */
  get open(): number {
    return this.#sockets.size
  }

  get max(): number {
    return this.#max
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  observe(observer: ConnectionLimitObserver): void {
    this.#observers.add(observer)
  }

  /** Adds a listener, whose connections count from now on. */
  add(server: Server & CapableServer): void {
    server[kConnectionLimit] = this
    this.#servers.add(server)
    server.prependListener('connection', this.#connected)
    server.once('close', () => this.#servers.delete(server))
  }

  /**
   * Pauses accepting for a moment because the process has run out of descriptors; each response then ends its
   * connection.
   */
  shortage(): void {
    this.#shortUntilMs = this.#clock.monotonicMs() + shortageMs
    if (this.#isPaused) return
    this.#pause()
  }

  readonly #connected = (socket: Socket): void => {
    this.#sockets.add(socket)
    socket.once('close', () => this.#closed(socket))
    if (this.open >= this.#max && !this.#isPaused) this.#pause()
  }

  #closed(socket: Socket): void {
    this.#sockets.delete(socket)
    if (this.#isPaused) this.#resumeIfRoom()
  }

  #pause(): void {
    this.#isPaused = true
    for (const server of this.#servers) {
      if (!server.listening) continue
      // If accepting cannot pause, Node closes the connections beyond the limit.
      if (!pauseAccepting(server) && this.#max !== Number.POSITIVE_INFINITY) server.maxConnections = this.#max
      server.prependListener('request', closeAfterAnswer)
    }
    for (const observer of this.#observers) observer.paused()
    this.#scheduleCheck()
  }

  #resumeIfRoom(): void {
    if (this.open >= this.#max || this.#clock.monotonicMs() < this.#shortUntilMs) return
    this.#isPaused = false
    this.#timer?.cancel()
    this.#resting.clear()
    for (const server of this.#servers) {
      server.off('request', closeAfterAnswer)
      if (server.listening) resumeAccepting(server)
    }
  }

  #scheduleCheck(): void {
    this.#timer = this.#clock.after(checkIntervalMs, () => {
      this.#findResting()
      if (this.open >= this.#max) this.#makeRoom()
      this.#resumeIfRoom()
      if (this.#isPaused) this.#scheduleCheck()
    })
  }

  #findResting(): void {
    const before = this.#resting
    this.#resting = new Map()
    for (const socket of this.#sockets) {
      if (socket.bytesWritten === 0 || responseInFlight(socket) !== undefined) continue
      const bytes = socket.bytesRead + socket.bytesWritten
      const known = before.get(socket)
      this.#resting.set(socket, { bytes, checks: known?.bytes === bytes ? known.checks + 1 : 0 })
    }
  }

  /** Called at the limit only, so `#max` is finite. */
  #makeRoom(): void {
    const resting = [...this.#resting].filter(([, { checks }]) => checks >= minIdleChecks)
    resting.sort(([, one], [, other]) => other.checks - one.checks)
    const closed = resting.slice(0, Math.ceil(this.#max / roomShare))
    for (const [socket] of closed) socket.destroy()
    if (closed.length > 0) for (const observer of this.#observers) observer.closedIdle(closed.length)
  }
}

function closeAfterAnswer(_request: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false
}
