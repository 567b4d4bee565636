import type { Clock, Timer } from '../../kernel/clock.ts'

export interface IdleCollectionOptions {
  readonly clock: Clock
  /** Number of requests in flight. */
  readonly inFlight: () => number
  /** Number of requests that have ended. */
  readonly ended: () => number
  readonly usedHeapBytes: () => number
  /** Runs a full collection; blocks. */
  readonly collect: () => void
}

/** Check interval, and how long the gateway must be idle. */
const checkMs = 1_000
/** Collecting a larger heap would take long enough to delay a request noticeably. */
const maxHeapBytes = 128 * 1024 * 1024
/**
 * Collects garbage once, at the first idle moment after startup: most of what startup allocates is garbage by then, and
 * V8 keeps it. It does not repeat this after work, because a full collection drops compiled code: requests then took
 * twice the CPU for a second.
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
    this.#timer = clock.after(checkMs, () => {
      if (inFlight() > 0 || ended() !== endedBefore) this.start()
      else if (usedHeapBytes() <= maxHeapBytes) collect()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
