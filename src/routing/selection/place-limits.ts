import type { Gauge } from '../../kernel/cells/gauge.ts'
import { integers, numbers } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Topic } from '../../runtime/links/peer-link.ts'
import { usablePlaces } from './place-reserve.ts'

/** How many of the places of endpoints with `max_concurrent` this gateway may use, if it is one of several. */
export const placeCells = cellLayout('places', ({ endpoints }) => ({
  /** Places of the lease. */
  leased: integers(endpoints),
  /** What the gateway may use on its own when the lease is over. */
  share: integers(endpoints),
  /** Monotonic milliseconds until which the lease is valid. */
  leaseUntilMs: numbers(),
  /** Requests in flight of the other replicas. */
  others: integers(endpoints),
}))

export type PlaceCells = CellsOf<typeof placeCells>

/** Slots of endpoints for whose places requests wait. */
export const placesWantedTopic: Topic<readonly number[]> = 'places.wanted'
/** Places that can be used now. */
export const placesGrantedTopic: Topic<{ readonly slot: number; readonly places: number }> = 'places.granted'

/** Reads what this gateway may use of `max_concurrent`; absent for one gateway alone. */
export class PlaceLimits {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #cells: PlaceCells

  constructor(clock: Pick<Clock, 'monotonicMs'>, cells: PlaceCells) {
    this.#clock = clock
    this.#cells = cells
  }

  /**
   * The limit for `Gauge.acquire`.
   * @param maxConcurrent of the endpoint; 0 is unlimited
   * @returns -1 if the gateway has no place there, 0 for unlimited
   */
  limitOf(slot: number, maxConcurrent: number): number {
    if (maxConcurrent === 0) return 0
    const { leased, share, leaseUntilMs } = this.#cells
    const isLeased = this.#clock.monotonicMs() < (leaseUntilMs[0] ?? 0)
    const limit = Math.min(maxConcurrent, Atomics.load(isLeased ? leased : share, slot))
    return limit === 0 ? -1 : limit
  }

  /**
   * Takes a place. The limit is read again afterwards: control lowers it before it reads what is in use and gives places
   * back, so a place that was taken in between is either counted or released.
   * @param reserved share of the places that the request leaves to higher classes
   */
  acquire(
    inFlight: Pick<Gauge, 'acquire' | 'release' | 'value'>,
    slot: number,
    maxConcurrent: number,
    reserved = 0,
  ): boolean {
    const limit = usablePlaces(this.limitOf(slot, maxConcurrent), reserved)
    if (!inFlight.acquire(slot, limit)) return false
    if (limit === 0) return true
    const after = usablePlaces(this.limitOf(slot, maxConcurrent), reserved)
    if (after >= limit || inFlight.value(slot) <= Math.max(0, after)) return true
    inFlight.release(slot)
    return false
  }

  /** Requests in flight of the other replicas, as of their last heartbeats. */
  others(slot: number): number {
    return Atomics.load(this.#cells.others, slot)
  }
}
