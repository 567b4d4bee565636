import { PerformanceObserver } from 'node:perf_hooks'

export interface GcTotals {
  readonly cycles: number
  readonly pausedMs: number
  /** Epoch milliseconds; undefined before the first collection. */
  readonly lastAtMs: number | undefined
}

/** Counts garbage collections of this thread between `start` and `stop`. */
export class GcMonitor {
  readonly #observer: PerformanceObserver
  #cycles = 0
  #pausedMs = 0
  #lastAtMs: number | undefined

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        this.#cycles++
        this.#pausedMs += duration
        this.#lastAtMs = performance.timeOrigin + startTime + duration
      }
    })
  }

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.#observer.disconnect()
  }

  totals(): GcTotals {
    return { cycles: this.#cycles, pausedMs: this.#pausedMs, lastAtMs: this.#lastAtMs }
  }
}
