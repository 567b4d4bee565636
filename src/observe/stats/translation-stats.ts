import { dialects, formats } from '../../dialects/all.ts'
import { wholeOperations } from '../../dialects/translate/whole-operations.ts'
import { type Columns, type CounterTable, columnsOf } from '../../kernel/cells/counter-table.ts'
import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { RequestOutcome } from '../../proxy/contract/outcome.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'

/** Names of all APIs among which requests are translated. */
const names = [...new Set([...formats, ...wholeOperations(dialects)].map(({ name }) => name))]
const rows = new Map(names.map((name, row) => [name, row]))

const outcomes = [
  'success',
  'failure',
  'rejection',
  'client_closed',
  'cancelled',
] as const satisfies readonly RequestOutcome[]

export const translationCells = cellLayout('translations', () => ({
  /** One row per pair of APIs. */
  counts: counters(outcomes, names.length ** 2),
}))

/** The finished requests that were translated from one API to another. */
export interface TranslationTotals {
  /** The client's API, such as `responses`. */
  readonly from: string
  /** The API of the endpoint, such as `chat`. */
  readonly to: string
  readonly outcomes: Readonly<Record<RequestOutcome, number>>
}

/** Counts translated requests by the APIs of client and endpoint, in cells that all threads share. */
export class TranslationStats {
  readonly #cells: CounterTable<RequestOutcome>
  readonly #columns: Columns<RequestOutcome>

  constructor(cells: CounterTable<RequestOutcome>) {
    this.#cells = cells
    this.#columns = columnsOf(cells)
  }

  record({ from, to }: NonNullable<RequestRecord['translation']>, outcome: RequestOutcome): void {
    const row = rows.get(from)
    const column = rows.get(to)
    if (row === undefined || column === undefined) return
    this.#cells.add(row * names.length + column, this.#columns[outcome], 1)
  }

  /** Pairs with at least one request. */
  totals(): TranslationTotals[] {
    const pairs = names.flatMap((from, row) =>
      names.map((to, column) => ({ from, to, outcomes: this.#outcomesOf(row * names.length + column) })),
    )
    return pairs.filter((pair) => Object.values(pair.outcomes).some((count) => count > 0))
  }

  #outcomesOf(row: number): Record<RequestOutcome, number> {
    const count = (outcome: RequestOutcome) => this.#cells.sum(row, this.#columns[outcome])
    return {
      success: count('success'),
      failure: count('failure'),
      rejection: count('rejection'),
      client_closed: count('client_closed'),
      cancelled: count('cancelled'),
    }
  }
}
