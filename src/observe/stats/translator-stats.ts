import { translatedDialects } from '../../dialects/all.ts'
import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { RequestOutcome } from '../../proxy/contract/outcome.ts'

/** Counters for requests to a translated API. */
export const translatorColumns = [
  'requests',
  /** The client received a complete answer that is not an error. */
  'successes',
  'failures',
  /** The client disconnected before the end. */
  'clientClosed',
  /** By the format sent to the endpoint that answered. */
  'passthrough',
  'translation',
  'streaming',
  'nonStreaming',
  /** No endpoint could serve the request at all. */
  'fallbackNoEndpoints',
  /** Translated although passthrough is on: the endpoint does not support the API. */
  'fallbackCannotPassthrough',
  /** Milliseconds from receipt to the end. */
  'durationSumMs',
] as const
export type TranslatorColumn = (typeof translatorColumns)[number]

export const translatorCells = cellLayout('translators', () => ({
  /** One row per translated API. */
  counts: counters(translatorColumns, translatedDialects.length),
}))

/** A finished request to a translated API. */
export interface TranslatedRequest {
  /** Dialect of the request. */
  readonly dialect: string
  readonly outcome: RequestOutcome
  /** How the gateway sent the request to the last endpoint; undefined if it reached none. */
  readonly mode: 'passthrough' | 'translation' | undefined
  readonly isStream: boolean
  /** Whether passthrough was allowed. */
  readonly mayPass: boolean
  /** Whether no endpoint could serve it. */
  readonly hadNoEndpoint: boolean
  readonly durationMs: number
}

export type TranslatorTotals = Readonly<Record<TranslatorColumn, number>>

/** Counts requests to translated APIs, by dialect, in cells that all threads share. */
export class TranslatorStats {
  readonly #cells: CounterTable<TranslatorColumn>
  readonly #rows: ReadonlyMap<string, number>

  /** @param dialects the dialects to count, one row each in this order */
  constructor(
    cells: CounterTable<TranslatorColumn>,
    dialects: readonly string[] = translatedDialects.map(({ name }) => name),
  ) {
    this.#cells = cells
    this.#rows = new Map(dialects.map((name, row) => [name, row]))
  }

  record(request: TranslatedRequest): void {
    const { dialect, outcome, mode, isStream, mayPass, hadNoEndpoint, durationMs } = request
    const row = this.#rows.get(dialect)
    if (row === undefined) return
    this.#add(row, 'requests')
    if (outcome === 'success') this.#add(row, 'successes')
    else if (outcome === 'failure' || outcome === 'rejection') this.#add(row, 'failures')
    else this.#add(row, 'clientClosed')
    if (mode !== undefined) this.#add(row, mode)
    this.#add(row, isStream ? 'streaming' : 'nonStreaming')
    if (hadNoEndpoint) this.#add(row, 'fallbackNoEndpoints')
    if (mode === 'translation' && mayPass) this.#add(row, 'fallbackCannotPassthrough')
    this.#add(row, 'durationSumMs', durationMs)
  }

  /** By dialect. */
  totals(): Readonly<Record<string, TranslatorTotals>> {
    return Object.fromEntries([...this.#rows].map(([name, row]) => [name, this.#totalsOf(row)]))
  }

  #totalsOf(row: number): TranslatorTotals {
    const cells = this.#cells
    return Object.fromEntries(
      cells.columns.map((column) => [column, cells.sum(row, cells.column(column))]),
    ) as Record<TranslatorColumn, number>
  }

  #add(row: number, column: TranslatorColumn, amount = 1): void {
    this.#cells.add(row, this.#cells.column(column), amount)
  }
}
