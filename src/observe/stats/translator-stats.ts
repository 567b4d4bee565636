import type { RequestOutcome } from '../../proxy/contract/context.ts'
import type { TranslatorColumn } from '../../runtime/cells/counted.ts'
import type { CounterTable } from '../../runtime/cells/counter-table.ts'

/** One request to a translated API that is over. */
export interface TranslatedRequest {
  readonly outcome: RequestOutcome
  /** How the last endpoint was spoken to; undefined where none was. */
  readonly mode: 'passthrough' | 'translation' | undefined
  readonly isStream: boolean
  /** Whether passing through was allowed. */
  readonly mayPass: boolean
  /** Whether no endpoint could take it. */
  readonly hadNoEndpoint: boolean
  readonly durationMs: number
}

export type TranslatorTotals = Readonly<Record<TranslatorColumn, number>>

/** Counts requests to a translated API in the cells that all threads share. */
export class TranslatorStats {
  readonly #cells: CounterTable<TranslatorColumn>

  constructor(cells: CounterTable<TranslatorColumn>) {
    this.#cells = cells
  }

  record(request: TranslatedRequest): void {
    const { outcome, mode, isStream, mayPass, hadNoEndpoint, durationMs } = request
    this.#add('requests')
    if (outcome === 'success') this.#add('successes')
    else if (outcome === 'failure' || outcome === 'rejection') this.#add('failures')
    else this.#add('clientClosed')
    if (mode !== undefined) this.#add(mode)
    this.#add(isStream ? 'streaming' : 'nonStreaming')
    if (hadNoEndpoint) this.#add('fallbackNoEndpoints')
    if (mode === 'translation' && mayPass) this.#add('fallbackCannotPassthrough')
    this.#add('durationSumMs', durationMs)
  }

  totals(): TranslatorTotals {
    const cells = this.#cells
    return Object.fromEntries(
      cells.columns.map((column) => [column, cells.sum(0, cells.column(column))]),
    ) as Record<TranslatorColumn, number>
  }

  #add(column: TranslatorColumn, amount = 1): void {
    this.#cells.add(0, this.#cells.column(column), amount)
  }
}
