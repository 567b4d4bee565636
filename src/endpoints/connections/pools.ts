import { Client, Pool } from 'undici'
import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { createConnector } from './connector.ts'
import { WatchedClient } from './reused-connection.ts'

/** The endpoint data that a connection pool needs. */
export interface PoolTarget {
  readonly origin: string
  readonly timeouts: { readonly connectMs: number; readonly tlsMs: number }
}

export type UpstreamPoolsOptions = Pick<
  SectionOptions<'proxy'>,
  'connectionKeepAliveMs' | 'poolIdleTimeoutMs'
>

interface Entry {
  readonly pool: Pool
  usedMs: number
}

/**
 * One undici pool per origin and pair of connect limits. A pool is created on first use and closed when idle, so that
 * the sockets of a removed or silent endpoint do not stay open. `max_concurrent` limits concurrency, not the number of
 * connections.
 */
export class UpstreamPools {
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #idleMs: number
  readonly #entries = new Map<string, Entry>()
  /** Clients with a single connection for one request. */
  readonly #single = new Set<Client>()
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock, options: Partial<UpstreamPoolsOptions> = {}) {
    const { connectionKeepAliveMs, poolIdleTimeoutMs } = { ...defaultsOf('proxy'), ...options }
    this.#clock = clock
    this.#keepAliveMs = connectionKeepAliveMs
    this.#idleMs = poolIdleTimeoutMs
  }

  get size(): number {
    return this.#entries.size
  }

  /** Number of open sockets to endpoints. */
  get connections(): number {
    let connections = 0
    for (const { pool } of this.#entries.values()) connections += pool.stats.connected
    return connections
  }

  get(target: PoolTarget): Pool {
    const key = `${target.origin} ${target.timeouts.connectMs} ${target.timeouts.tlsMs}`
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { pool: this.#open(target), usedMs: 0 }
      this.#entries.set(key, entry)
      this.#armSweep()
    }
    entry.usedMs = this.#clock.monotonicMs()
    return entry.pool
  }

  /** Closes the connections of idle pools, to free descriptors. */
  closeIdle(): void {
    this.#closeUnused(Number.POSITIVE_INFINITY)
  }

  /** Closes all connections; running requests are aborted. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    const pools = [...[...this.#entries.values()].map(({ pool }) => pool), ...this.#single]
    this.#entries.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  #open({ origin, timeouts }: PoolTarget): Pool {
    const connect = createConnector({
      connectTimeoutMs: timeouts.connectMs,
      tlsTimeoutMs: timeouts.tlsMs,
      keepAliveMs: this.#keepAliveMs,
    })
    const options = {
      pipelining: 1,
      // The gateway has its own limits per stage; undici's would abort a long generation.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 60_000,
      maxHeaderSize: 131_072,
    }
    const openSingle = () => {
      const client = new Client(origin, { ...options, connect })
      this.#single.add(client)
      client.once('disconnect', () => this.#single.delete(client))
      client.once('connectionError', () => this.#single.delete(client))
      return client
    }
    const factory = () => new WatchedClient(origin, options, connect, openSingle)
    return new Pool(origin, { ...options, connect, factory })
  }

  #armSweep(): void {
    if (this.#idleMs === 0 || this.#closed || this.#timer !== undefined) return
    this.#timer = this.#clock.after(this.#idleMs / 2, () => {
      this.#timer = undefined
      this.#sweep()
      if (this.#entries.size > 0) this.#armSweep()
    })
  }

  #sweep(): void {
    this.#closeUnused(this.#clock.monotonicMs() - this.#idleMs)
  }

  /** @param beforeMs closes pools last used before this time */
  #closeUnused(beforeMs: number): void {
    for (const [key, { pool, usedMs }] of this.#entries) {
      const { running, pending } = pool.stats
      if (usedMs > beforeMs || running > 0 || pending > 0) continue
      this.#entries.delete(key)
      pool.close().catch(() => {
        // A pool that fails to close has no sockets left to close.
      })
    }
  }
}
