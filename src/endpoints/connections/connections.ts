import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { ClientPool } from '../../http/client/contract.ts'
import { type CreatePool, createOwnPool } from '../../http/http-clients.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { PoolTarget } from './pools.ts'

export interface UpstreamConnectionsOptions extends Pick<SectionOptions<'proxy'>, 'connectionKeepAliveMs'> {
  /** Default: the pools of the gateway's own client. */
  readonly createPool: CreatePool
}

/**
 * The connections that carry clients' requests to endpoints, one pool per endpoint. A pool without a connection is
 * dropped with its endpoint.
 */
export class UpstreamConnections {
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #createPool: CreatePool
  readonly #pools = new WeakMap<PoolTarget, ClientPool>()
  readonly #connected = new Set<ClientPool>()
  #isClosed = false

  constructor(clock: Clock, options: Partial<UpstreamConnectionsOptions> = {}) {
    this.#clock = clock
    this.#keepAliveMs = options.connectionKeepAliveMs ?? defaultsOf('proxy').connectionKeepAliveMs
    this.#createPool = options.createPool ?? createOwnPool
  }

  /** Number of open connections to all endpoints. */
  get size(): number {
    let size = 0
    for (const pool of this.#connected) size += pool.size
    return size
  }

  get(target: PoolTarget): ClientPool {
    return this.#pools.get(target) ?? this.#add(target)
  }

  /** Closes idle connections, to free descriptors. */
  closeIdle(): void {
    for (const pool of [...this.#connected]) pool.closeIdle()
  }

  /** Closes all connections; requests in flight fail. */
  close(): void {
    this.#isClosed = true
    for (const pool of [...this.#connected]) pool.close()
  }

  #add(target: PoolTarget): ClientPool {
    const pool = this.#createPool({
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
