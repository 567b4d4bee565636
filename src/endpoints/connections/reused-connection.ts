import type { Socket } from 'node:net'
import { type buildConnector, Client, type Dispatcher } from 'undici'

/** The close of an idle connection and the next request cross on the wire, within one round trip. */
const staleWithinMs = 5_000
/** undici's error codes for a connection that the server has closed. */
const endings: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'])

interface Held {
  socket: Socket | undefined
  /** The latest request; undefined unless it is watched. */
  request: ConnectionReuse | undefined
}

/** A client of a pool that exposes its connection. */
export class WatchedClient extends Client {
  readonly #held: Held
  readonly #openFresh: () => Client

  /** @param openFresh creates a client for one request whose kept-alive connection had closed */
  constructor(
    origin: URL | string,
    options: Omit<Client.Options, 'connect'>,
    connect: buildConnector.connector,
    openFresh: () => Client,
  ) {
    const held: Held = { socket: undefined, request: undefined }
    super(origin, {
      ...options,
      connect: (target, callback) => {
        // undici reconnects after it has aborted a request, even if no other request needs the connection, which would
        // occupy a thread of a server with one thread per connection.
        if (held.request?.isOver === true) {
          callback(new Error('no pending request needs a connection'), null)
          return
        }
        connect(target, (error, socket) => {
          if (error !== null) {
            callback(error, null)
            return
          }
          held.socket = socket
          callback(null, socket)
        })
      },
    })
    this.#held = held
    this.#openFresh = openFresh
  }

  get socket(): Socket | undefined {
    return this.#held.socket
  }

  /** @param send dispatches a request on a client that opens a connection for it and closes afterwards */
  onFreshConnection<Sent>(send: (client: Client) => Sent): Sent {
    const client = this.#openFresh()
    const sent = send(client)
    client.close().catch(() => {
      // The client was destroyed, and its request with it.
    })
    return sent
  }

  override dispatch(options: WatchedOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#held.request = options.reuse
    options.reuse?.begins(this)
    return super.dispatch(options, handler)
  }
}

/** The options of a request whose connection is watched. */
export interface WatchedOptions extends Dispatcher.DispatchOptions {
  readonly reuse?: ConnectionReuse
}

/** Decides whether the connection that carried a request was stale. */
export class ConnectionReuse {
  client: WatchedClient | undefined
  /** True once the request has failed or was aborted. */
  isOver = false
  #socket: Socket | undefined
  #bytesRead = 0
  #startedMs = 0

  begins(client: WatchedClient): void {
    const { socket } = client
    this.client = client
    this.#socket = socket?.destroyed === false ? socket : undefined
    this.#bytesRead = socket?.bytesRead ?? 0
    this.#startedMs = performance.now()
  }

  /** Whether the connection had served an earlier request and closed without a byte of the answer. */
  isStale(error: unknown): boolean {
    const socket = this.#socket
    if (socket === undefined || this.#bytesRead === 0 || socket !== this.client?.socket) return false
    if (socket.bytesRead !== this.#bytesRead || performance.now() - this.#startedMs > staleWithinMs)
      return false
    return typeof error === 'object' && error !== null && 'code' in error && endings.has(error.code)
  }
}
