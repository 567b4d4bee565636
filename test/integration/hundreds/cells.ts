/** Reads the shared cells of a gateway in this process. */
import { queryObjects } from 'node:v8'
import { coolDownCells } from '../../../src/endpoints/resilience/cool-down.ts'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { FailurePenalties, penaltyCells } from '../../../src/routing/selection/failure-penalty.ts'
import { placeCells } from '../../../src/routing/selection/place-limits.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

/** @returns what `start` gives, and the cells of the gateway that it starts */
export async function withCells<Result>(
  start: () => Promise<Result>,
): Promise<{ result: Result; state: SharedState }> {
  const { of } = SharedState.prototype
  let state: SharedState | undefined
  SharedState.prototype.of = function seen(this: SharedState, layout) {
    state = this
    return of.call(this, layout)
  } as typeof of
  try {
    const result = await start()
    if (state === undefined) throw new Error('the gateway has no cells in this process')
    return { result, state }
  } finally {
    SharedState.prototype.of = of
  }
}

/** What cells hold that must be as at the start when nothing runs and all endpoints are well. */
export function heldIn(state: SharedState) {
  const gauges: Record<string, number> = {}
  for (const [name, { shape, memory }] of state.blocks) {
    if (shape.kind !== Gauge.kind) continue
    // Requests in flight, the line, its lanes, and all else that is acquired and released.
    gauges[name] = new Gauge(shape.rows, {
      threads: state.threads,
      thread: state.thread,
      allocate: () => memory,
      part: () => {
        throw new Error('a gauge has one part')
      },
    }).total()
  }
  const nowMs = systemClock.monotonicMs()
  const penalties = new FailurePenalties(systemClock, state.of(penaltyCells).penalties)
  const { leased, share, others } = state.of(placeCells)
  const slots = Array.from({ length: state.capacities.endpoints }, (_each, slot) => slot)
  const penaltyOf = (slot: number) => penalties.of({ endpoint: { slot } as never, nativeModel: undefined })
  return {
    gauges,
    penalized: slots.filter((slot) => penaltyOf(slot) > 0).length,
    pausing: slots.filter((slot) => (state.of(coolDownCells).untilMs[slot] ?? 0) > nowMs).length,
    places: [leased, share, others].map((cells) => cells.reduce((sum, places) => sum + places, 0)),
  }
}

/** Timers of this process, those that do not keep it alive included, after a collection of garbage. */
export function timers(): number {
  const { constructor: Timer } = setTimeout(() => {}, 0)
  return queryObjects(Timer as never, { format: 'count' }) as number
}
