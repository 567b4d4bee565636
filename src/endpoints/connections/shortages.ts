import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AttemptFailure } from './failure.ts'

export const shortageCells = cellLayout('shortages', () => ({
  /** Connections to endpoints that could not be opened. */
  counts: counters(['shortages']),
}))

/** For this long after a shortage, a name that does not resolve may fail because the resolver lacked descriptors. */
const recentMs = 1_000

/** Tracks shortages of the resources that connections need, and lets their holders release some. */
export class Shortages {
  readonly #clock: Clock
  readonly #count: () => void
  readonly #listeners = new Set<(resource: string) => void>()
  #lastMs = Number.NEGATIVE_INFINITY

  /** @param count called for each connection that could not be opened */
  constructor(clock: Clock, count: () => void = () => {}) {
    this.#clock = clock
    this.#count = count
  }

  /** @param listener called with the missing resource for each connection that could not be opened */
  onShortage(listener: (resource: string) => void): void {
    this.#listeners.add(listener)
  }

  /** Reclassifies a failure that a shortage on this side may have caused. */
  explain(failure: AttemptFailure): AttemptFailure {
    if (failure.kind === 'shortage') {
      this.#lastMs = this.#clock.monotonicMs()
      this.#count()
      for (const listener of this.#listeners) listener(failure.detail ?? 'resources')
      return failure
    }
    if (failure.kind !== 'dns' || this.#clock.monotonicMs() - this.#lastMs > recentMs) return failure
    return { kind: 'shortage', detail: 'file descriptors', cause: failure.cause }
  }
}
