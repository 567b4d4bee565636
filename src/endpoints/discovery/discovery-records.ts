import type { GatewayCells } from '../../runtime/cells/cells.ts'

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
  readonly #table: GatewayCells['discoveries']
  readonly #lastSeenMs: number
  readonly #failures: number

  constructor({ discoveries }: Pick<GatewayCells, 'discoveries'>) {
    this.#table = discoveries
    this.#lastSeenMs = discoveries.column('lastSeenMs')
    this.#failures = discoveries.column('consecutiveFailures')
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
