import { type LineCells, laneRowOf } from './line-cells.ts'
import type { LineReason, LineTicket } from './line-ticket.ts'

export interface LineLimits {
  /** Maximum waiting requests over all threads; 0 disables the line. */
  readonly maxWaiting: number
  /** The same for each model and set of endpoints; 0: no limit of its own. */
  readonly maxWaitingPerModel: number
  /** Maximum bytes of waiting bodies; 0: no limit. */
  readonly maxBytes: number
  readonly maxBytesPerModel: number
}

const unitBytes = 1_024

/** Counts the waiting requests of all threads and their bytes, in all and by lane. */
export class LineRoom {
  readonly #cells: LineCells

  constructor(cells: LineCells) {
    this.#cells = cells
  }

  /** @returns why there is no room; undefined if there was */
  acquire({ lane, bytes }: LineTicket, limits: LineLimits): LineReason | undefined {
    const { waiting, heldKib, laneWaiting, laneHeldKib } = this.#cells
    if (limits.maxWaiting === 0) return 'off'
    const row = laneRowOf(lane.key)
    const kib = kibOf(bytes)
    if (!waiting.acquire(0, limits.maxWaiting)) return 'full'
    if (laneWaiting.acquire(row, limits.maxWaitingPerModel)) {
      if (heldKib.acquire(0, kibOf(limits.maxBytes), kib)) {
        if (laneHeldKib.acquire(row, kibOf(limits.maxBytesPerModel), kib)) return undefined
        heldKib.release(0, kib)
        this.#leave(row)
        return 'model_bytes'
      }
      this.#leave(row)
      return 'bytes'
    }
    waiting.release(0)
    return 'model_full'
  }

  release({ lane, bytes }: LineTicket): void {
    const row = laneRowOf(lane.key)
    const kib = kibOf(bytes)
    this.#cells.heldKib.release(0, kib)
    this.#cells.laneHeldKib.release(row, kib)
    this.#leave(row)
  }

  #leave(row: number): void {
    this.#cells.laneWaiting.release(row)
    this.#cells.waiting.release(0)
  }
}

function kibOf(bytes: number): number {
  return Math.ceil(bytes / unitBytes)
}
