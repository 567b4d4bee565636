import { cache, counters } from '../../kernel/cells/kinds.ts'
import { type CellKind, type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { SharedLimitStore } from './shared-limit-store.ts'

/** Maximum number of rate limit buckets. */
const limitCapacity = 100_000
/** Maximum number of remembered clients that have hit a rate limit. */
const limitedClientCapacity = 16_384

export const limitCells = cellLayout('limits', () => ({ store: limitStore(limitCapacity) }))

/** Counts refusals. */
export const violationCells = cellLayout('violations', () => ({
  counts: counters(['rateLimits', 'sizeLimits']),
  limitedClients: cache(limitedClientCapacity),
}))
export type ViolationCells = CellsOf<typeof violationCells>

function limitStore(capacity: number): CellKind<SharedLimitStore> {
  return (place) => new SharedLimitStore(capacity, place)
}
