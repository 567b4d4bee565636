import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'
import type { ClientPool } from '../../http/client/contract.ts'
import { type CreatePool, createOwnPool } from '../../http/http-clients.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type PoolTarget, poolKey } from './pools.ts'

export interface UpstreamConnectionsOptions extends Pick<SectionOptions<'proxy'>, 'connectionKeepAliveMs'> {
  /** Default: the pools of the gateway's own client. */
  readonly createPool: CreatePool
}

/**
 * The connections that carry clients' requests to endpoints: one pool per origin and pair of connect limits, so that an
 * endpoint whose other settings change keeps its connections.
 */
export class UpstreamConnections {
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #createPool: CreatePool
  /** What a request looks up. */
  readonly #pools = new WeakMap<PoolTarget, ClientPool>()
  readonly #byKey = new Map<string, ClientPool>()
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

  /** Retires the pools that none of the endpoints uses. */
  retain(targets: readonly PoolTarget[]): void {
    const keys = new Set(targets.map(poolKey))
    for (const [key, pool] of this.#byKey) {
      if (keys.has(key)) continue
      this.#byKey.delete(key)
      pool.retire()
    }
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
    const key = poolKey(target)
    const pool = this.#byKey.get(key) ?? this.#open(target)
    this.#byKey.set(key, pool)
    this.#pools.set(target, pool)
    return pool
  }

  #open(target: PoolTarget): ClientPool {
    const pool: ClientPool = this.#createPool({
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
    return pool
  }
}
