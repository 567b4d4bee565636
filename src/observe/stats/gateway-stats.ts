import { type Columns, columnsOf } from '../../kernel/cells/counter-table.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'
import { ModelRows } from './model-rows.ts'
import { RequestCounter } from './request-counter.ts'
import type { StatsCells } from './stats-cells.ts'
import { readTimings, type Timings } from './timings.ts'
import { readTraffic, successRate, type Traffic } from './traffic.ts'
import type { PlacementColumn } from './traffic-columns.ts'
import type { TranslationStats } from './translation-stats.ts'

/** A model on one endpoint. */
export interface PlacementTraffic {
  readonly slot: number
  readonly requests: number
  /** 0 to 100; undefined before the first success or failure. */
  readonly successRate: number | undefined
  readonly averageMs: number | undefined
  readonly failuresInRow: number
  /** Epoch milliseconds. */
  readonly lastUsedAtMs: number
}

export interface ModelTraffic {
  readonly name: string
  readonly traffic: Traffic
  readonly timings: Timings
  /** Approximate number of distinct clients that requested it. */
  readonly clients: number
  readonly placements: readonly PlacementTraffic[]
}

/** Counts each request exactly once in the shared cells, and reads the counts. */
export class GatewayStats {
  readonly #cells: StatsCells
  readonly #placementColumns: Columns<PlacementColumn>
  readonly #models: ModelRows
  readonly #counter: RequestCounter

  /**
   * @param knownModel returns the catalog's spelling of a requested name; undefined if unknown
   * @param translations counts translated requests
   */
  constructor(
    cells: StatsCells,
    knownModel: (name: string) => string | undefined,
    translations?: TranslationStats,
  ) {
    this.#cells = cells
    this.#placementColumns = columnsOf(cells.placements)
    this.#models = new ModelRows(cells.modelRows, knownModel)
    this.#counter = new RequestCounter(cells, this.#models, translations)
  }

  /** Call once per request. A request rejected before it reached an endpoint counts only in the totals. */
  record(record: RequestRecord): void {
    this.#counter.record(record)
  }

  /** Call once per attempt on an endpoint, after its answer or failure. */
  recordAttempt(slot: number, failed: boolean): void {
    this.#counter.recordAttempt(slot, failed)
  }

  /** Call once per failed attempt that is followed by another. */
  recordFailover(slot: number): void {
    this.#counter.recordFailover(slot)
  }

  /** Returns the row that counts a model's answers while they stream. */
  modelRow(model: string): number {
    return this.#models.rowOf(model)
  }

  totals(): Traffic {
    return readTraffic(this.#cells.totals, 0)
  }

  endpoint(slot: number): Traffic {
    return readTraffic(this.#cells.endpoints, slot)
  }

  timings(): Timings {
    const { totals, totalHistograms } = this.#cells
    return readTimings(totalHistograms, 0, totals.maximum(0, totals.column('durationMaxMs')))
  }

  endpointTimings(slot: number): Timings {
    const { endpoints, endpointHistograms } = this.#cells
    return readTimings(endpointHistograms, slot, endpoints.maximum(slot, endpoints.column('durationMaxMs')))
  }

  /** Requested models, in the order of their first request; `(other)` last. */
  models(): ModelTraffic[] {
    const placements = this.#readPlacements()
    const models: ModelTraffic[] = []
    for (const [name, row] of this.#models.entries()) {
      const traffic = readTraffic(this.#cells.models, row)
      if (traffic.requests + traffic.routingMisses === 0) continue
      models.push({
        name,
        traffic,
        timings: readTimings(this.#cells.modelHistograms, row, traffic.maxMs),
        clients: this.#cells.modelClients.estimate(row),
        placements: placements.get(row) ?? [],
      })
    }
    return models
  }

  /** All rows of the model cells with their names, `(other)` last. */
  modelEntries(): Iterable<[string, number]> {
    return this.#models.entries()
  }

  /** Requests by model row and endpoint. */
  placements(): { modelRow: number; slot: number; requests: number }[] {
    const { placements, placementRows, endpoints } = this.#cells
    return placementRows.entries().map(([key, row]) => ({
      modelRow: Math.floor(key / endpoints.rows),
      slot: key % endpoints.rows,
      requests: placements.sum(row, this.#placementColumns.requests),
    }))
  }

  #readPlacements(): Map<number, PlacementTraffic[]> {
    const { placements, endpoints } = this.#cells
    const columns = this.#placementColumns
    const byModel = new Map<number, PlacementTraffic[]>()
    for (const [key, row] of this.#cells.placementRows.entries()) {
      const successes = placements.sum(row, columns.successes)
      const modelRow = Math.floor(key / endpoints.rows)
      const ofModel = byModel.get(modelRow) ?? []
      byModel.set(modelRow, ofModel)
      ofModel.push({
        slot: key % endpoints.rows,
        requests: placements.sum(row, columns.requests),
        successRate: successRate(successes, placements.sum(row, columns.failures)),
        averageMs: successes === 0 ? undefined : placements.sum(row, columns.durationSumMs) / successes,
        failuresInRow: placements.sum(row, columns.failuresInRow),
        lastUsedAtMs: placements.maximum(row, columns.lastUsedAtMs),
      })
    }
    return byModel
  }
}
