import type { Socket } from 'node:net'
import { type buildConnector, Client, type Dispatcher } from 'undici'

/** A server that closes an idle connection crosses the next request on the wire: that takes a round trip. */
const staleWithinMs = 5_000
/** What undici calls a connection that the other side has ended. */
const endings: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'])

interface Held {
  socket: Socket | undefined
  /** The latest request; undefined unless it is watched. */
  request: ConnectionReuse | undefined
}

/** A client of a pool that knows its connection. */
export class WatchedClient extends Client {
  readonly #held: Held
  readonly #openFresh: () => Client

  /** @param openFresh makes a client without a connection, for one request that finds this one's closed */
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
        // undici reconnects after it has aborted a request, though no other needs the connection. It would hold a thread
        // of a server that has one per connection.
        if (held.request?.isOver === true) {
          callback(new Error('no request needs a connection'), null)
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

  /** @param send gives a request to a client whose connection is made for it and ends with it */
  onFreshConnection<Sent>(send: (client: Client) => Sent): Sent {
    const client = this.#openFresh()
    const sent = send(client)
    client.close().catch(() => {
      // It was destroyed, and its request with it.
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

/** What is known of the connection that carries one request, for the question whether it was stale. */
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

  /** Whether the request met the end of a connection that had served before, and not a byte of an answer. */
  isStale(error: unknown): boolean {
    const socket = this.#socket
    if (socket === undefined || this.#bytesRead === 0 || socket !== this.client?.socket) return false
    if (socket.bytesRead !== this.#bytesRead || performance.now() - this.#startedMs > staleWithinMs)
      return false
    return typeof error === 'object' && error !== null && 'code' in error && endings.has(error.code)
  }
}
