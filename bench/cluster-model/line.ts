import type { OpenLink, RedisLinkEvents } from '../../src/cluster/connection/redis-link.ts'
import type { ModelServer } from './model-server.ts'
import type { VirtualTime } from './virtual-clock.ts'

export interface LineOptions {
  readonly time: VirtualTime
  readonly random: () => number
  readonly server: () => ModelServer
  /** Milliseconds one way. */
  readonly delayMs: () => number
  /** Share of calls whose connection is cut: half of them before the server has run them, half after. */
  readonly cutShare: number
}

/** The line between one replica and the server. */
export class Line {
  readonly #options: LineOptions
  /** Nothing passes, and connections stay open. */
  isSilent = false
  calls = 0
  cuts = 0
  #receivesAtMs = 0
  #current: { readonly events: RedisLinkEvents; isReady: boolean } | undefined

  constructor(options: LineOptions) {
    this.#options = options
  }

  readonly open: OpenLink = (events) => {
    const { time, delayMs } = this.#options
    const connection = { events, isReady: false }
    this.#current = connection
    time.after(3 * delayMs(), () => {
      if (this.isSilent || this.#current !== connection) return
      connection.isReady = true
      events.onReady()
    })
    return {
      get isReady() {
        return connection.isReady
      },
      send: (_key, args) => this.#send(connection, args),
      destroy: () => {
        connection.isReady = false
        if (this.#current === connection) this.#current = undefined
      },
    }
  }

  /** A message of the server; it is lost without a connection. */
  receive(message: string): void {
    const connection = this.#current
    if (connection === undefined || !connection.isReady || this.isSilent) return
    const { time, delayMs } = this.#options
    // In the order in which they were sent.
    this.#receivesAtMs = Math.max(this.#receivesAtMs, time.nowMs + delayMs())
    time.after(this.#receivesAtMs - time.nowMs, () => {
      if (connection.isReady && !this.isSilent) connection.events.onMessage(message)
    })
  }

  #send(
    connection: { readonly events: RedisLinkEvents; isReady: boolean },
    args: readonly string[],
  ): Promise<unknown> {
    const { time, random, server, delayMs, cutShare } = this.#options
    this.calls++
    return new Promise((resolve, reject) => {
      const cut = () => {
        if (!connection.isReady) return
        this.cuts++
        connection.isReady = false
        reject(new Error('Socket closed unexpectedly'))
        connection.events.onLost('connection error')
      }
      const fate = random()
      if (fate < cutShare / 2) {
        time.after(delayMs(), cut)
        return
      }
      time.after(delayMs(), () => {
        if (this.isSilent) return
        const answer = server().run(args)
        time.after(delayMs(), () => {
          if (this.isSilent) return
          if (fate < cutShare) cut()
          else resolve(answer)
        })
      })
    })
  }
}
