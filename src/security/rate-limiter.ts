import type { RouteClass } from '../request/dialect.ts'
import type { LimitResult, LimitStore, RateLimit } from './limit-store.ts'

export interface RateLimiterOptions {
  /** All clients together; 0 is off. */
  readonly globalPerMinute: number
  /** Each client; 0 is off. */
  readonly perClientPerMinute: number
  /** Each client on `/internal/*` and `/version`; 0 is off. */
  readonly internalPerMinute: number
  /** Of each client's buckets. */
  readonly burst: number
  /** Of the common bucket: more than one client's, or that one could starve all others. */
  readonly globalBurst: number
}

export interface RateDecision extends LimitResult {
  /** Requests a minute of the limit that is nearest to being reached. */
  readonly limit: number
}

/**
 * A bucket for everybody together and one for each client: a client that bursts empties its own, and the
 * common one only by what it was allowed (contract 16.2, item 21).
 */
export class RateLimiter {
  readonly #store: LimitStore
  readonly #global: RateLimit | undefined
  readonly #client: RateLimit | undefined
  readonly #internal: RateLimit | undefined

  constructor(store: LimitStore, options: RateLimiterOptions) {
    const { burst, globalBurst } = options
    this.#store = store
    this.#global = toLimit(options.globalPerMinute, globalBurst)
    this.#client = toLimit(options.perClientPerMinute, burst)
    this.#internal = toLimit(options.internalPerMinute, burst)
  }

  /** Whether a class of routes has any limit. */
  limits(routeClass: RouteClass): boolean {
    return routeClass === 'internal'
      ? this.#internal !== undefined
      : (this.#client ?? this.#global) !== undefined
  }

  /** @returns undefined where nothing limits this class of routes */
  check(routeClass: RouteClass, client: string, nowMs: number): RateDecision | undefined {
    if (routeClass === 'internal') return this.#take('internal', this.#internal, client, nowMs)
    const own = this.#take('client', this.#client, client, nowMs)
    if (own?.allowed === false) return own
    const common = this.#take('global', this.#global, '', nowMs)
    if (common?.allowed === false && this.#client !== undefined) {
      // Refused by the common limit: the client's own allowance is not spent.
      this.#store.giveBack(`client ${client}`, this.#client)
    }
    if (own === undefined || common?.allowed === false) return common
    return common === undefined || own.remaining <= common.remaining ? own : common
  }

  clean(nowMs: number): void {
    this.#store.clean(nowMs)
  }

  #take(kind: string, limit: RateLimit | undefined, key: string, nowMs: number): RateDecision | undefined {
    if (limit === undefined) return undefined
    return { ...this.#store.take(`${kind} ${key}`, limit, nowMs), limit: limit.perMinute }
  }
}

function toLimit(perMinute: number, burst: number): RateLimit | undefined {
  return perMinute > 0 ? { perMinute, burst: Math.max(1, burst) } : undefined
}
