import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AttemptFailure } from './failure.ts'

export const shortageCells = cellLayout('shortages', () => ({
  /** Connections to endpoints that could not be made. */
  counts: counters(['shortages']),
}))

/** So long after a shortage a name that is not found may be one whose files or servers could not be read. */
const recentMs = 1_000

/** Knows when this process lacks what a connection needs, and lets those who hold some of it give it back. */
export class Shortages {
  readonly #clock: Clock
  readonly #count: () => void
  readonly #listeners = new Set<(resource: string) => void>()
  #lastMs = Number.NEGATIVE_INFINITY

  /** @param count called for each connection that could not be made */
  constructor(clock: Clock, count: () => void = () => {}) {
    this.#clock = clock
    this.#count = count
  }

  /** @param listener told what has run out, with each connection that could not be made */
  onShortage(listener: (resource: string) => void): void {
    this.#listeners.add(listener)
  }

  /** Looks at a failure: it may be a shortage here, and may be one that does not look so. */
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
