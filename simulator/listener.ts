import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

/** Larger than any gateway's own limit, so that the gateway's limit applies first. */
const maxHeaderBytes = 256 * 1024

/** An HTTP listener that can close with all its connections and reopen on the same port. */
export class Listener {
  readonly #host: string
  readonly #receive: RequestListener
  readonly #sockets = new Set<Socket>()
  #port: number
  #server: Server | undefined

  /** @param port 0 takes a free one, and keeps it */
  constructor(host: string, port: number, receive: RequestListener) {
    this.#host = host
    this.#port = port
    this.#receive = receive
  }

  get port(): number {
    return this.#port
  }

  /** Base URL; the loopback address if it listens on all interfaces. */
  get url(): string {
    const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[this.#host] ?? this.#host
    return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${this.#port}`
  }

  get openSockets(): number {
    return this.#sockets.size
  }

  /** Does nothing if it is open. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    // Clients in tests may be arbitrarily slow.
    const server = createServer({ maxHeaderSize: maxHeaderBytes, requestTimeout: 0 }, this.#receive)
    this.#server = server
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(this.#port, this.#host, resolve)
      })
    } catch (error) {
      this.#server = undefined
      throw error
    }
    const address = server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  /** Ends the listener and every connection. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
