import { records } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import type { ProbeRecord } from './health-monitor.ts'

/** The last probe of each endpoint, and why it failed: epoch milliseconds, a duration and a number. */
export const probeCells = cellLayout('probes', ({ endpoints }) => ({
  probes: records(['lastCheckMs', 'nextCheckMs', 'lastLatencyMs', 'consecutiveFailures'], endpoints),
}))

type ProbeCells = CellsOf<typeof probeCells>

/** Results of the last probes in shared memory: the control thread writes them, all threads read them. */
export class ProbeRecords {
  readonly #table: ProbeCells['probes']
  readonly #lastCheckMs: number
  readonly #nextCheckMs: number
  readonly #lastLatencyMs: number
  readonly #failures: number

  constructor({ probes }: ProbeCells) {
    this.#table = probes
    this.#lastCheckMs = probes.column('lastCheckMs')
    this.#nextCheckMs = probes.column('nextCheckMs')
    this.#lastLatencyMs = probes.column('lastLatencyMs')
    this.#failures = probes.column('consecutiveFailures')
  }

  get(slot: number): ProbeRecord {
    const error = this.#table.text(slot)
    return {
      lastCheckMs: this.#known(slot, this.#lastCheckMs),
      nextCheckMs: this.nextCheckMs(slot),
      lastLatencyMs: this.#known(slot, this.#lastLatencyMs),
      consecutiveFailures: this.consecutiveFailures(slot),
      lastError: error === '' ? undefined : error,
    }
  }

  nextCheckMs(slot: number): number | undefined {
    return this.#known(slot, this.#nextCheckMs)
  }

  consecutiveFailures(slot: number): number {
    return this.#known(slot, this.#failures) ?? 0
  }

  setNextCheck(slot: number, atMs: number | undefined): void {
    this.#table.setNumber(slot, this.#nextCheckMs, atMs ?? Number.NaN)
  }

  /** Records a finished probe. */
  checked(slot: number, atMs: number, latencyMs: number | undefined): void {
    this.#table.setNumber(slot, this.#lastCheckMs, atMs)
    this.#table.setNumber(slot, this.#lastLatencyMs, latencyMs ?? Number.NaN)
  }

  succeeded(slot: number): void {
    this.#table.setNumber(slot, this.#failures, 0)
    if (this.#table.text(slot) !== '') this.#table.setText(slot, '')
  }

  /** Records a failed probe that successful requests outweigh. */
  outweighed(slot: number, error: string): void {
    this.#table.setNumber(slot, this.#failures, 0)
    this.#table.setText(slot, error)
  }

  failed(slot: number, error: string): void {
    this.#table.setNumber(slot, this.#failures, this.consecutiveFailures(slot) + 1)
    this.#table.setText(slot, error)
  }

  #known(slot: number, column: number): number | undefined {
    const value = this.#table.number(slot, column)
    return Number.isNaN(value) ? undefined : value
  }
}
