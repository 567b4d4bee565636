import type { SectionOptions } from '../../config/options/sections.ts'
import type { RouteClass } from '../../dialects/requests/dialect.ts'
import type { LimitResult, LimitStore, RateLimit } from './limit-store.ts'

export type RateLimits = Pick<
  SectionOptions<'server'>['rateLimits'],
  | 'globalRequestsPerMinute'
  | 'perIpRequestsPerMinute'
  | 'healthRequestsPerMinute'
  | 'burstSize'
  | 'globalBurstSize'
>

/** A dashboard sends many requests at once when it opens. */
const minInternalBurst = 100

/** Whether there is any limit. */
export function hasLimits(limits: RateLimits): boolean {
  const { globalRequestsPerMinute, perIpRequestsPerMinute, healthRequestsPerMinute } = limits
  return globalRequestsPerMinute > 0 || perIpRequestsPerMinute > 0 || healthRequestsPerMinute > 0
}

export interface RateDecision extends LimitResult {
  /** Requests per minute of the limit that is closest to being reached. */
  readonly limit: number
}

/**
 * One bucket for all clients and one per client: a client that bursts empties its own, and the global one only by the
 * requests that its own allowed (contract 16.2, item 21).
 */
export class RateLimiter {
  readonly #store: LimitStore
  readonly #global: RateLimit | undefined
  readonly #client: RateLimit | undefined
  readonly #internal: RateLimit | undefined

  constructor(store: LimitStore, limits: RateLimits) {
    const { burstSize, globalRequestsPerMinute: global } = limits
    this.#store = store
    // Larger than one client's burst, or a single client could starve all others.
    this.#global = toLimit(global, limits.globalBurstSize || global)
    this.#client = toLimit(limits.perIpRequestsPerMinute, burstSize)
    this.#internal = toLimit(limits.healthRequestsPerMinute, Math.max(minInternalBurst, burstSize))
  }

  /** @returns undefined if nothing limits this class of routes */
  check(routeClass: RouteClass, client: string, nowMs: number): RateDecision | undefined {
    const store = this.#store
    if (routeClass === 'internal') {
      const limit = this.#internal
      return limit && decision(store.take(`internal ${client}`, limit, nowMs), limit)
    }
    const clientLimit = this.#client
    const commonLimit = this.#global
    if (clientLimit === undefined && commonLimit === undefined) return undefined
    const clientKey = `client ${client}`
    const own = clientLimit && store.take(clientKey, clientLimit, nowMs)
    const isRefused = own?.allowed === false
    const common = isRefused ? undefined : commonLimit && store.take(commonKey, commonLimit, nowMs)
    if (clientLimit !== undefined && common?.allowed === false) {
      // The global limit refused the request: return the token of the client's own.
      store.giveBack(clientKey, clientLimit)
    }
    if (own !== undefined && clientLimit !== undefined && isNearer(own, common))
      return decision(own, clientLimit)
    return common && commonLimit && decision(common, commonLimit)
  }

  clean(nowMs: number): void {
    this.#store.clean(nowMs)
  }
}

const commonKey = 'global '

/** Whether a client's own limit is closer to being reached than the global one. */
function isNearer(own: LimitResult, common: LimitResult | undefined): boolean {
  return common === undefined || (common.allowed && own.remaining <= common.remaining)
}

function decision(
  { allowed, remaining, retryAfterMs, fullInMs }: LimitResult,
  { perMinute }: RateLimit,
): RateDecision {
  return { allowed, remaining, retryAfterMs, fullInMs, limit: perMinute }
}

function toLimit(perMinute: number, burst: number): RateLimit | undefined {
  return perMinute > 0 ? { perMinute, burst: Math.max(1, burst) } : undefined
}
