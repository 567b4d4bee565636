import type { Clock, Timer } from '../../kernel/clock.ts'

export interface IdleCollectionOptions {
  readonly clock: Clock
  /** Requests under way. */
  readonly inFlight: () => number
  /** Requests that have ended so far. */
  readonly ended: () => number
  readonly usedHeapBytes: () => number
  /** Collects in full; blocks. */
  readonly collect: () => void
}

/** How often it looks, and how long no request must have come. */
const lookMs = 1_000
/** A larger heap takes so long that a request that came meanwhile would notice. */
const maxHeapBytes = 128 * 1024 * 1024
/**
 * Collects once, when no request waits for the first time: most of what a start allocates is garbage then, which V8 lets
 * lie. Not again after work, as it would drop compiled code: requests then took twice the CPU for a second.
 */
export class IdleCollection {
  readonly #options: IdleCollectionOptions
  #timer: Timer | undefined

  constructor(options: IdleCollectionOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, inFlight, ended, usedHeapBytes, collect } = this.#options
    const endedBefore = ended()
    this.#timer = clock.after(lookMs, () => {
      if (inFlight() > 0 || ended() !== endedBefore) this.start()
      else if (usedHeapBytes() <= maxHeapBytes) collect()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
