import { translatedDialects } from '../../dialects/all.ts'
import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { RequestOutcome } from '../../proxy/contract/outcome.ts'

/** What is counted for requests to an API that is translated. */
export const translatorColumns = [
  'requests',
  /** The client got a complete answer that is no error. */
  'successes',
  'failures',
  /** The client left before the end. */
  'clientClosed',
  /** By what the endpoint that answered was sent. */
  'passthrough',
  'translation',
  'streaming',
  'nonStreaming',
  /** No endpoint could take the request at all. */
  'fallbackNoEndpoints',
  /** Translated although passing through is on: the endpoint does not speak the API. */
  'fallbackCannotPassthrough',
  /** Milliseconds from receipt to the end. */
  'durationSumMs',
] as const
export type TranslatorColumn = (typeof translatorColumns)[number]

export const translatorCells = cellLayout('translators', () => ({
  /** A row for each translated API. */
  counts: counters(translatorColumns, translatedDialects.length),
}))

/** One request to a translated API that is over. */
export interface TranslatedRequest {
  /** Name of the dialect in which it came. */
  readonly dialect: string
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

/** Counts requests to translated APIs, by dialect, in the cells that all threads share. */
export class TranslatorStats {
  readonly #cells: CounterTable<TranslatorColumn>
  readonly #rows: ReadonlyMap<string, number>

  /** @param dialects names of those that are counted; each has a row, in this order */
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
