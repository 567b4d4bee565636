import type { LineCells } from './line-cells.ts'

/** Weight of the newest interval in the average. */
const newest = 0.2
const maxRetryAfterSeconds = 60
/** Clients that are refused together come back spread over this share around the estimate. */
const jitter = 0.25

/** How fast requests of a lane get their places, as measured while others waited. */
export class LinePace {
  readonly #cells: Float64Array
  readonly #random: () => number

  constructor({ paces }: Pick<LineCells, 'paces'>, random: () => number = Math.random) {
    this.#cells = paces
    this.#random = random
  }

  /** A request was taken that has waited since `sinceMs`. */
  taken(row: number, sinceMs: number, nowMs: number): void {
    const lastMs = this.#cells[row * 2] ?? 0
    this.#cells[row * 2] = nowMs
    // An interval counts only if a request waited all that time.
    if (lastMs === 0 || sinceMs > lastMs) return
    const before = this.#cells[row * 2 + 1] ?? 0
    const intervalMs = Math.max(0.01, nowMs - lastMs)
    this.#cells[row * 2 + 1] = before === 0 ? intervalMs : before + (intervalMs - before) * newest
  }

  /** @returns milliseconds for so many turns; undefined if nothing was measured yet */
  waitMs(row: number, turns: number): number | undefined {
    const intervalMs = this.#cells[row * 2 + 1] ?? 0
    return intervalMs === 0 ? undefined : turns * intervalMs
  }

  /** Whole seconds from 1 to 60 after which a refused client may try again: when those that wait now are gone. */
  retryAfterSeconds(row: number, waiting: number, atLeastSeconds: number): number {
    const seconds = Math.max(atLeastSeconds, (this.waitMs(row, waiting) ?? 0) / 1_000)
    const spread = 1 - jitter + 2 * jitter * this.#random()
    return Math.min(maxRetryAfterSeconds, Math.max(1, Math.round(seconds * spread)))
  }
}
