import { records } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** The last reads of each endpoint's models, and why they failed: epoch milliseconds and a number. */
export const discoveryCells = cellLayout('discovery', ({ endpoints }) => ({
  reads: records(['lastSeenMs', 'consecutiveFailures'], endpoints),
}))

type DiscoveryCells = CellsOf<typeof discoveryCells>

export interface DiscoveryRecord {
  /** Epoch milliseconds of the last successful read. */
  readonly lastSeenMs: number | undefined
  readonly consecutiveFailures: number
  /** Safe to display; undefined after a success. */
  readonly lastError: string | undefined
}

/** Discovery as seen by its users, the same on every thread. */
export interface ModelRefresher {
  /** Whether discovery is enabled. */
  readonly isRunning: boolean
  record(slot: number): DiscoveryRecord
  /**
   * Reads the list now; concurrent callers share one read.
   * @returns whether the list could be read
   */
  refresh(slot: number): Promise<boolean>
}

/** Results of the last reads, in shared memory: the control thread writes them, all threads read them. */
export class DiscoveryRecords {
  readonly #table: DiscoveryCells['reads']
  readonly #lastSeenMs: number
  readonly #failures: number

  constructor({ reads }: DiscoveryCells) {
    this.#table = reads
    this.#lastSeenMs = reads.column('lastSeenMs')
    this.#failures = reads.column('consecutiveFailures')
  }

  get(slot: number): DiscoveryRecord {
    const lastSeenMs = this.#table.number(slot, this.#lastSeenMs)
    const error = this.#table.text(slot)
    return {
      lastSeenMs: Number.isNaN(lastSeenMs) ? undefined : lastSeenMs,
      consecutiveFailures: this.consecutiveFailures(slot),
      lastError: error === '' ? undefined : error,
    }
  }

  consecutiveFailures(slot: number): number {
    return this.#table.number(slot, this.#failures) || 0
  }

  succeeded(slot: number, atMs: number): void {
    this.#table.setNumber(slot, this.#lastSeenMs, atMs)
    this.#table.setNumber(slot, this.#failures, 0)
    this.#table.setText(slot, '')
  }

  /** Records a failed attempt that will be retried at once. */
  attemptFailed(slot: number, error: string): void {
    this.#table.setText(slot, error)
  }

  failed(slot: number, error: string): void {
    this.#table.setNumber(slot, this.#failures, this.consecutiveFailures(slot) + 1)
    this.#table.setText(slot, error)
  }
}
