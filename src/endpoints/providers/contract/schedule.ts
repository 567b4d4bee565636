import type { Clock, Timer } from '../../../kernel/clock.ts'

/** How often a source may be read, in milliseconds. */
export interface RetryRules {
  /** Between two reads, whatever happens. */
  readonly minMs: number
  /** Between failed reads. */
  readonly maxMs: number
}

/** Milliseconds to the next read after failures: exponential, with up to a quarter of jitter taken away. */
export function retryDelayMs(failures: number, { minMs, maxMs }: RetryRules, random: number): number {
  const delayMs = Math.min(maxMs, minMs * 2 ** Math.min(20, Math.max(0, failures - 1)))
  return Math.max(minMs, delayMs * (1 - random / 4))
}

export interface RepeatOptions {
  readonly clock: Clock
  /** Reads once and returns the milliseconds to the next read. Must not reject. */
  readonly read: () => Promise<number>
  /** Minimum time between the starts of two reads. */
  readonly minMs: number
}

/** Reads again and again, never twice at once. */
export class Repeat {
  readonly #options: RepeatOptions
  #timer: Timer | undefined
  #isReading = false
  #wantsAnother = false
  #isStopped = false
  #startedMs = Number.NEGATIVE_INFINITY

  constructor(options: RepeatOptions) {
    this.#options = options
  }

  /** Reads as soon as `minMs` have passed since the last read. */
  soon(): void {
    if (this.#isStopped) return
    if (this.#isReading) {
      this.#wantsAnother = true
      return
    }
    const { clock, minMs } = this.#options
    this.#arm(Math.max(0, this.#startedMs + minMs - clock.monotonicMs()))
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(delayMs, () => void this.#run())
  }

  async #run(): Promise<void> {
    const { clock, read, minMs } = this.#options
    this.#isReading = true
    this.#startedMs = clock.monotonicMs()
    const delayMs = await read()
    this.#isReading = false
    if (this.#isStopped) return
    if (this.#wantsAnother) {
      this.#wantsAnother = false
      this.soon()
    } else this.#arm(Math.max(minMs, delayMs))
  }
}
