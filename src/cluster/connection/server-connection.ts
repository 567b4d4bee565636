import type { Clock, Timer } from '../../kernel/clock.ts'
import { type OpenLink, type RedisLink, ServerAwayError } from './redis-link.ts'

export interface ServerConnectionOptions {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>
  readonly open: OpenLink
  /** Time in which a connection that was lost is replaced before the server counts as away. */
  readonly recoveryMs: number
  /** Longest time between two attempts to connect. */
  readonly retryIntervalMs: number
  readonly onReady: () => void
  /** There is no connection, and none is expected soon. May be called again while there is none. */
  readonly onLost: (reason: string) => void
  readonly onMessage: (text: string) => void
}

interface Recovery {
  readonly link: Promise<RedisLink>
  readonly succeed: (link: RedisLink) => void
  readonly fail: (reason: string) => void
  readonly timer: Timer
}

const firstReconnectMs = 20

/** The connection to the server. One that is lost is replaced at once; calls can wait for that. */
export class ServerConnection {
  readonly #options: ServerConnectionOptions
  #link: RedisLink | undefined
  /** Links that have been ready: only these are replaced at once. */
  readonly #proven = new WeakSet<RedisLink>()
  #openedAtMs = 0
  #attempts = 0
  #timer: Timer | undefined
  #isRunning = false
  #recovery: Recovery | undefined
  #lostReason = 'not connected'

  constructor(options: ServerConnectionOptions) {
    this.#options = options
  }

  /** Monotonic milliseconds since when this connection or attempt is used. */
  get openedAtMs(): number {
    return this.#openedAtMs
  }

  start(): void {
    this.#isRunning = true
    this.open()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#recovery?.fail('stopped')
    this.#link?.destroy()
  }

  /** @throws ServerAwayError if there is no connection, and none is expected soon */
  link(): RedisLink | Promise<RedisLink> {
    const link = this.#link
    if (link?.isReady === true) return link
    const next = link === undefined ? undefined : this.replacementOf(link)
    if (next === undefined) throw new ServerAwayError(this.#lostReason)
    return next
  }

  /**
   * A call on a connection has failed.
   * @returns the connection that replaces it; undefined if it is still good, or no other is expected soon
   */
  replacementOf(failed: RedisLink): Promise<RedisLink> | undefined {
    const link = this.#link
    if (!this.#isRunning || link === undefined) return undefined
    if (link.isReady) return link === failed ? undefined : Promise.resolve(link)
    if (this.#recovery === undefined && link === failed && this.#proven.has(failed))
      this.#recover('connection lost')
    return this.#recovery?.link
  }

  /** Connects again after a moment: this connection leads to a server that takes no writes. */
  reconnect(): void {
    if (this.#timer !== undefined) return
    const delayMs = Math.min(this.#options.retryIntervalMs, firstReconnectMs * 2 ** this.#attempts++)
    this.#timer = this.#options.clock.after(delayMs, () => this.open())
  }

  /** Connects now, with another connection. */
  open(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const { clock, open, onMessage, onReady } = this.#options
    this.#link?.destroy()
    this.#openedAtMs = clock.monotonicMs()
    const isCurrent = () => this.#link === link && this.#isRunning
    const link: RedisLink = open({
      onReady: () => {
        if (!isCurrent()) return
        this.#attempts = 0
        this.#proven.add(link)
        this.#recovery?.succeed(link)
        onReady()
      },
      onLost: (reason) => {
        if (isCurrent()) this.#linkLost(link, reason)
      },
      onMessage,
    })
    this.#link = link
  }

  #linkLost(link: RedisLink, reason: string): void {
    this.#lostReason = reason
    if (this.#recovery === undefined && this.#proven.has(link)) {
      this.#recover(reason)
      return
    }
    this.#recovery?.fail(reason)
    this.#options.onLost(reason)
    this.reconnect()
  }

  #recover(reason: string): void {
    const { clock, onLost, recoveryMs } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<RedisLink>()
    // Often no call waits for it.
    promise.catch(() => undefined)
    const end = () => {
      recovery.timer.cancel()
      this.#recovery = undefined
    }
    const recovery: Recovery = {
      link: promise,
      succeed(link) {
        end()
        resolve(link)
      },
      fail(why) {
        end()
        reject(new ServerAwayError(why))
      },
      timer: clock.after(recoveryMs, () => {
        recovery.fail(reason)
        onLost(reason)
      }),
    }
    this.#recovery = recovery
    this.open()
  }
}
