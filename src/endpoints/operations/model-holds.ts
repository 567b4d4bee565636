import type { Clock, Timer } from '../../kernel/clock.ts'
import type { ModelTable } from '../resilience/model-table.ts'

/** How long a hold lasts unless it is renewed: the control thread may end. */
const holdMs = 750
const renewMs = 250

/**
 * Keeps requests from one model on one endpoint while it is taken away, on all threads: the model pauses, as after a
 * `Retry-After`. Requests for it go to other endpoints, wait for the end of the pause, or get a 503.
 */
export class ModelHolds {
  readonly #clock: Clock
  readonly #table: ModelTable

  constructor(clock: Clock, table: ModelTable) {
    this.#clock = clock
    this.#table = table
  }

  /** @returns a function that ends the hold */
  hold(slot: number, model: string): () => void {
    const { pausedUntilMs } = this.#table
    const row = this.#table.take(slot, model, this.#clock.monotonicMs())
    // Without a free row nothing can pause: the request reaches the engine, which answers it.
    if (row < 0) return () => {}
    const beforeMs = pausedUntilMs[row] ?? 0
    let timer: Timer
    const renew = () => {
      pausedUntilMs[row] = Math.max(beforeMs, this.#clock.monotonicMs() + holdMs)
      timer = this.#clock.after(renewMs, renew)
    }
    renew()
    return () => {
      timer.cancel()
      pausedUntilMs[row] = beforeMs
    }
  }
}
