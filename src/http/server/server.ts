import { channel } from 'node:diagnostics_channel'
import { type RequestListener, Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { lingerOnClose } from '../connections/lingering-close.ts'
import { SlowRequests, timeOut } from '../connections/slow-requests.ts'
import { type CapableServer, kDrain } from '../contract/capabilities.ts'
import { ClientConnection, type ConnectionHost, tickMs } from './client-connection.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { OutgoingResponse } from './outgoing-response.ts'

export interface Http1ServerOptions extends ServerOptions {
  readonly clock: Clock
  /**
   * Maximum milliseconds in which a client reads nothing of a response that has ended; 0 means no limit. Default:
   * 600,000.
   */
  readonly stallMs?: number
  /** Whether a client that has closed its side after the request still gets its response. Default: false. */
  readonly allowHalfOpen?: boolean
}

// Diagnostics channels of Node's server.
const requestStart = channel('http.server.request.start')
const responseFinish = channel('http.server.response.finish')

/** Options of Node's server that change how it parses requests or writes responses. */
const optionsForNode = [
  'IncomingMessage',
  'ServerResponse',
  'insecureHTTPParser',
  'httpValidation',
  'joinDuplicateHeaders',
  'rejectNonStandardBodyWrites',
  'uniqueHeaders',
] as const satisfies readonly (keyof ServerOptions)[]

/**
 * Node's HTTP server with a shorter path for plain requests, which halves the server's time per request. When anything
 * else arrives (chunked or pipelined requests, `Upgrade`, `Expect`, HTTP/1.0, a head in several reads, invalid bytes),
 * Node's server takes over the connection with the bytes received. With one of the options above, or a limit of
 * requests per connection, Node's server handles all connections.
 */
export class Http1Server extends Server implements ConnectionHost, CapableServer {
  readonly stallMs: number
  readonly allowsHalfOpen: boolean
  readonly clock: Clock
  /** Milliseconds in which the body of a request must arrive or advance; 0 means no limit. */
  bodyMs = 0
  readonly #connections = new Set<ClientConnection>()
  readonly #nodeConnection: (socket: Socket) => void
  readonly #isOpen = (): boolean => this.listening
  readonly #slowRequests: SlowRequests
  #timer: Timer | undefined
  #isDraining = false
  /** Whether an option requires Node's server. */
  readonly #needsNode: boolean

  constructor(
    { clock, stallMs = 600_000, allowHalfOpen = false, ...options }: Http1ServerOptions,
    handler: RequestListener,
  ) {
    super(options, handler)
    this.#needsNode = optionsForNode.some((name) => Boolean(options[name]))
    this.stallMs = stallMs
    this.allowsHalfOpen = allowHalfOpen
    this.clock = clock
    this.#slowRequests = new SlowRequests(this, { clock, bodyMs: () => this.bodyMs })
    const [listener] = this.listeners('connection')
    this.#nodeConnection = (socket) => {
      if (listener !== undefined) Reflect.apply(listener, this, [socket])
    }
    this.removeAllListeners('connection')
    this.on('connection', this.#connected)
  }

  get idleMs(): number {
    return this.keepAliveTimeout
  }

  get silenceMs(): number {
    return this.timeout
  }

  get firstMs(): number {
    return this.headersTimeout
  }

  get isOpen(): boolean {
    return this.listening
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Makes each response from now on end its connection; idle connections end without a reset. */
  [kDrain](): void {
    this.#isDraining = true
  }

  serve(request: IncomingRequest, response: OutgoingResponse): void {
    if (requestStart.hasSubscribers) {
      requestStart.publish({ request, response, socket: request.socket, server: this })
    }
    this.emit('request', request, response)
  }

  answered(request: IncomingRequest, response: OutgoingResponse, socket: Socket): void {
    if (responseFinish.hasSubscribers) responseFinish.publish({ request, response, socket, server: this })
  }

  handOver(socket: Socket, leftMs?: number): void {
    this.#slowRequests.add(socket, leftMs)
    lingerOnClose(socket, this.clock, this.#isOpen)
    this.#nodeConnection(socket)
  }

  silent(socket: Socket): boolean {
    return this.emit('timeout', socket)
  }

  timedOut(socket: Socket): void {
    timeOut(this, socket)
  }

  ended(connection: ClientConnection): void {
    this.#connections.delete(connection)
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections()
    for (const connection of [...this.#connections]) {
      if (!connection.isIdle) continue
      if (this.#isDraining) connection.closeQuiet()
      else connection.destroy()
    }
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    for (const connection of [...this.#connections]) connection.destroy()
  }

  readonly #connected = (socket: Socket): void => {
    if (this.#needsNode || (this.maxRequestsPerSocket ?? 0) > 0) {
      this.handOver(socket)
      return
    }
    this.#connections.add(new ClientConnection(this, socket))
    this.#timer ??= this.clock.after(tickMs, this.#tick)
  }

  readonly #tick = (): void => {
    for (const connection of [...this.#connections]) connection.tick(tickMs)
    this.#timer = this.#connections.size > 0 ? this.clock.after(tickMs, this.#tick) : undefined
  }
}
