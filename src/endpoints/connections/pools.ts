import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { ClientPool } from '../../http/client/contract.ts'
import { type CreatePool, createOwnPool } from '../../http/http-clients.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'

/** The endpoint data that a connection pool needs. */
export interface PoolTarget {
  readonly origin: string
  readonly timeouts: { readonly connectMs: number; readonly tlsMs: number }
}

/** Endpoints with the same key share their connections. */
export function poolKey({ origin, timeouts }: PoolTarget): string {
  return `${origin} ${timeouts.connectMs} ${timeouts.tlsMs}`
}

export interface UpstreamPoolsOptions
  extends Pick<SectionOptions<'proxy'>, 'connectionKeepAliveMs' | 'poolIdleTimeoutMs'> {
  /** Default: the pools of the gateway's own client. */
  readonly createPool: CreatePool
}

interface Entry {
  readonly pool: ClientPool
  usedMs: number
}

/**
 * One pool of connections per origin and pair of connect limits, for the gateway's own requests and for the
 * `sherpa` engine. A pool is created on first use and closed when idle, so that the sockets of a removed or silent
 * endpoint do not stay open. `max_concurrent` limits concurrency, not the number of connections.
 */
export class UpstreamPools {
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #idleMs: number
  readonly #createPool: CreatePool
  readonly #entries = new Map<string, Entry>()
  /** Pools of other origins whose requests have not ended. */
  readonly #retired = new Set<ClientPool>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(clock: Clock, options: Partial<UpstreamPoolsOptions> = {}) {
    const { connectionKeepAliveMs, poolIdleTimeoutMs } = { ...defaultsOf('proxy'), ...options }
    this.#clock = clock
    this.#keepAliveMs = connectionKeepAliveMs
    this.#idleMs = poolIdleTimeoutMs
    this.#createPool = options.createPool ?? createOwnPool
  }

  get size(): number {
    return this.#entries.size
  }

  get(target: PoolTarget): ClientPool {
    const key = poolKey(target)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { pool: this.#open(target), usedMs: 0 }
      this.#entries.set(key, entry)
      this.#armSweep()
    }
    entry.usedMs = this.#clock.monotonicMs()
    return entry.pool
  }

  /** Retires the pools of all other origins. */
  retain(origins: ReadonlySet<string>): void {
    for (const pool of this.#retired) if (pool.size === 0) this.#retired.delete(pool)
    for (const [key, { pool }] of this.#entries) {
      if (origins.has(key.slice(0, key.indexOf(' ')))) continue
      this.#entries.delete(key)
      pool.retire()
      if (pool.size > 0) this.#retired.add(pool)
    }
  }

  /** Closes the idle connections, to free descriptors. */
  closeIdle(): void {
    this.#closeUnused(Number.POSITIVE_INFINITY)
  }

  /** Closes all connections; requests in flight fail. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const { pool } of this.#entries.values()) pool.close()
    for (const pool of this.#retired) pool.close()
    this.#entries.clear()
  }

  #open({ origin, timeouts }: PoolTarget): ClientPool {
    const pool = this.#createPool({
      origin,
      clock: this.#clock,
      connectMs: timeouts.connectMs,
      tlsMs: timeouts.tlsMs,
      tcpKeepAliveMs: this.#keepAliveMs,
    })
    if (this.#isClosed) pool.close()
    return pool
  }

  #armSweep(): void {
    if (this.#idleMs === 0 || this.#isClosed || this.#timer !== undefined) return
    this.#timer = this.#clock.after(this.#idleMs / 2, () => {
      this.#timer = undefined
      this.#closeUnused(this.#clock.monotonicMs() - this.#idleMs)
      if (this.#entries.size > 0) this.#armSweep()
    })
  }

  /** @param beforeMs closes the idle connections of pools last used before this time, and drops pools that had no others */
  #closeUnused(beforeMs: number): void {
    for (const [key, { pool, usedMs }] of this.#entries) {
      if (usedMs > beforeMs) continue
      pool.closeIdle()
      if (pool.size === 0) this.#entries.delete(key)
    }
  }
}
