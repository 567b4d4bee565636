import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { ClientPool, HttpClient } from '../../http/client/contract.ts'
import { poolOf } from '../../http/http-clients.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { PoolTarget } from './pools.ts'

export type UpstreamConnectionsOptions = Pick<SectionOptions<'proxy'>, 'httpClient' | 'connectionKeepAliveMs'>

/**
 * The connections over which clients' requests reach endpoints, one pool for each. Pools without a connection are
 * forgotten with their endpoint.
 */
export class UpstreamConnections {
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #httpClient: HttpClient
  readonly #pools = new WeakMap<PoolTarget, ClientPool>()
  readonly #connected = new Set<ClientPool>()
  #isClosed = false

  constructor(clock: Clock, options: Partial<UpstreamConnectionsOptions> = {}) {
    const { connectionKeepAliveMs, httpClient } = { ...defaultsOf('proxy'), ...options }
    this.#clock = clock
    this.#keepAliveMs = connectionKeepAliveMs
    this.#httpClient = httpClient
  }

  /** Connections to all endpoints now. */
  get size(): number {
    let size = 0
    for (const pool of this.#connected) size += pool.size
    return size
  }

  get(target: PoolTarget): ClientPool {
    return this.#pools.get(target) ?? this.#add(target)
  }

  /** Ends those that carry nothing now, for want of descriptors. */
  closeIdle(): void {
    for (const pool of [...this.#connected]) pool.closeIdle()
  }

  /** Ends all connections; what is under way fails. */
  close(): void {
    this.#isClosed = true
    for (const pool of [...this.#connected]) pool.close()
  }

  #add(target: PoolTarget): ClientPool {
    const pool = poolOf[this.#httpClient]({
      origin: target.origin,
      clock: this.#clock,
      connectMs: target.timeouts.connectMs,
      tlsMs: target.timeouts.tlsMs,
      tcpKeepAliveMs: this.#keepAliveMs,
      onChange: () => {
        if (pool.size > 0) this.#connected.add(pool)
        else this.#connected.delete(pool)
      },
    })
    if (this.#isClosed) pool.close()
    this.#pools.set(target, pool)
    return pool
  }
}
