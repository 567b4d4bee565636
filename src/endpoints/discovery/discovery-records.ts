import { records } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** The last looks at each endpoint's models, and why they failed: epoch milliseconds and a number. */
export const discoveryCells = cellLayout('discovery', ({ endpoints }) => ({
  looks: records(['lastSeenMs', 'consecutiveFailures'], endpoints),
}))

type DiscoveryCells = CellsOf<typeof discoveryCells>

export interface DiscoveryRecord {
  /** Epoch milliseconds of the last successful look. */
  readonly lastSeenMs: number | undefined
  readonly consecutiveFailures: number
  /** Fit to be shown; undefined after a success. */
  readonly lastError: string | undefined
}

/** Discovery as everybody but the one who looks sees it, the same on every thread. */
export interface ModelRefresher {
  /** Whether endpoints are looked at at all. */
  readonly isRunning: boolean
  record(slot: number): DiscoveryRecord
  /**
   * One look now; callers that come meanwhile share it.
   * @returns whether the list could be read
   */
  refresh(slot: number): Promise<boolean>
}

/** How the last looks went, in shared memory: the control thread writes it, all threads read it. */
export class DiscoveryRecords {
  readonly #table: DiscoveryCells['looks']
  readonly #lastSeenMs: number
  readonly #failures: number

  constructor({ looks }: DiscoveryCells) {
    this.#table = looks
    this.#lastSeenMs = looks.column('lastSeenMs')
    this.#failures = looks.column('consecutiveFailures')
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

  /** A try has failed that will be repeated at once. */
  noted(slot: number, error: string): void {
    this.#table.setText(slot, error)
  }

  failed(slot: number, error: string): void {
    this.#table.setNumber(slot, this.#failures, this.consecutiveFailures(slot) + 1)
    this.#table.setText(slot, error)
  }
}
