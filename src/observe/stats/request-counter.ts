import { type Columns, type CounterTable, columnsOf } from '../../kernel/cells/counter-table.ts'
import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { AnswerFigures, RequestRecord } from '../../proxy/contract/request-record.ts'
import type { RowHistogram } from './histogram-bounds.ts'
import type { ModelRows } from './model-rows.ts'
import type { StatsCells } from './stats-cells.ts'
import { statusColumn } from './status-columns.ts'
import type { PlacementColumn, TrafficColumn } from './traffic-columns.ts'
import type { TranslationStats } from './translation-stats.ts'

/** Counts finished requests in the shared cells. */
export class RequestCounter {
  readonly #cells: StatsCells
  readonly #models: ModelRows
  readonly #translations: TranslationStats | undefined
  readonly #columns: Columns<TrafficColumn>
  readonly #placementColumns: Columns<PlacementColumn>

  /** @param translations counts translated requests */
  constructor(cells: StatsCells, models: ModelRows, translations?: TranslationStats) {
    this.#translations = translations
    this.#cells = cells
    this.#models = models
    this.#columns = columnsOf(cells.totals)
    this.#placementColumns = columnsOf(cells.placements)
  }

  /** Call once per request. A request rejected before it reached an endpoint counts only in the totals. */
  record(record: RequestRecord): void {
    const { endpointSlot, model } = record
    const outcome = trueOutcome(record)
    this.#count(this.#cells.totals, 0, record, outcome)
    if (endpointSlot !== undefined) {
      this.#count(this.#cells.endpoints, endpointSlot, record, outcome)
      distribute(this.#cells.endpointHistograms, endpointSlot, record, outcome)
    }
    const { statuses, endpoints, totalHistograms } = this.#cells
    statuses.add(endpointSlot ?? endpoints.rows, statusColumn(outcome, record.status), 1)
    distribute(totalHistograms, 0, record, outcome)
    if (record.queuedMs !== undefined) countWait(totalHistograms, 0, record)
    if (record.attempts !== undefined && record.attempts > 0) {
      totalHistograms.attempts.record(0, record.attempts)
    }
    if (record.translation !== undefined) this.#translations?.record(record.translation, outcome)
    if (model === undefined) return
    const row = this.#models.rowOf(model)
    if (endpointSlot === undefined && outcome === 'rejection') {
      this.#countRouting(this.#cells.models, row, record)
      return
    }
    this.#count(this.#cells.models, row, record, outcome)
    distribute(this.#cells.modelHistograms, row, record, outcome)
    if (record.queuedMs !== undefined) countWait(this.#cells.modelWaits, row, record)
    if (record.client !== undefined) this.#cells.modelClients.add(row, record.client)
    if (endpointSlot !== undefined) this.#countPlacement(row, endpointSlot, record, outcome)
  }

  /** Call once per attempt on an endpoint, after its answer or failure. */
  recordAttempt(slot: number, failed: boolean): void {
    this.#addBoth(slot, this.#columns.attempts)
    if (failed) this.#addBoth(slot, this.#columns.failedAttempts)
  }

  /** Call once per failed attempt that is followed by another. */
  recordFailover(slot: number): void {
    this.#addBoth(slot, this.#columns.failovers)
  }

  #addBoth(slot: number, column: number): void {
    this.#cells.endpoints.add(slot, column, 1)
    this.#cells.totals.add(0, column, 1)
  }

  #count(
    table: CounterTable<TrafficColumn>,
    row: number,
    record: RequestRecord,
    outcome: RequestRecord['outcome'],
  ): void {
    const columns = this.#columns
    table.add(row, columns.requests, 1)
    switch (outcome) {
      case 'success':
        table.add(row, columns.successes, 1)
        table.add(row, columns.durationSumMs, record.durationMs)
        table.recordMin(row, columns.durationMinMs, record.durationMs)
        table.recordMax(row, columns.durationMaxMs, record.durationMs)
        break
      case 'failure':
        table.add(row, columns.failures, 1)
        break
      case 'rejection':
        table.add(row, columns.rejections, 1)
        break
      case 'client_closed':
        table.add(row, columns.clientClosed, 1)
        break
      case 'cancelled':
        table.add(row, columns.cancelled, 1)
        break
    }
    table.add(row, columns.requestBytes, record.requestBytes)
    table.add(row, columns.responseBytes, record.responseBytes)
    if (record.firstByteMs !== undefined) {
      table.add(row, columns.firstByteSumMs, record.firstByteMs)
      table.add(row, columns.firstByteCount, 1)
      table.add(row, columns.overheadSumMs, record.overheadMs ?? 0)
      table.add(row, columns.upstreamSumMs, record.upstreamMs ?? 0)
    }
    if (record.promptTokens !== undefined) table.add(row, columns.promptTokens, record.promptTokens)
    if (record.completionTokens !== undefined) {
      table.add(row, columns.completionTokens, record.completionTokens)
    }
    if (record.answer !== undefined) this.#countAnswer(table, row, record.answer, record.completionTokens)
    table.recordMax(row, columns.lastUsedAtMs, record.completedAtMs)
    this.#countRouting(table, row, record)
  }

  #countAnswer(
    table: CounterTable<TrafficColumn>,
    row: number,
    { cachedTokens, generationMs, loadMs, promptMs, isCounted }: AnswerFigures,
    completionTokens: number | undefined,
  ): void {
    const columns = this.#columns
    if (cachedTokens !== undefined) table.add(row, columns.cachedTokens, cachedTokens)
    if (isCounted && completionTokens !== undefined) table.add(row, columns.countedTokens, completionTokens)
    if (loadMs !== undefined) table.add(row, columns.loadSumMs, loadMs)
    if (promptMs !== undefined) table.add(row, columns.promptSumMs, promptMs)
    if (generationMs !== undefined && completionTokens !== undefined) {
      table.add(row, columns.timedTokens, completionTokens)
      table.add(row, columns.generationSumMs, generationMs)
    }
  }

  #countRouting(table: CounterTable<TrafficColumn>, row: number, { routing }: RequestRecord): void {
    const columns = this.#columns
    if (routing === 'routed') table.add(row, columns.routingHits, 1)
    else if (routing === 'fallback') table.add(row, columns.routingFallbacks, 1)
    else if (routing === 'rejected') table.add(row, columns.routingMisses, 1)
  }

  #countPlacement(
    modelRow: number,
    slot: number,
    record: RequestRecord,
    outcome: RequestRecord['outcome'],
  ): void {
    const row = this.#cells.placementRows.take(modelRow * this.#cells.endpoints.rows + slot)
    if (row === undefined) return
    const { placements } = this.#cells
    const columns = this.#placementColumns
    placements.add(row, columns.requests, 1)
    placements.recordMax(row, columns.lastUsedAtMs, record.completedAtMs)
    if (outcome === 'success') {
      placements.add(row, columns.successes, 1)
      placements.add(row, columns.durationSumMs, record.durationMs)
      placements.clear(row, columns.failuresInRow)
    } else if (outcome === 'failure') {
      placements.add(row, columns.failures, 1)
      placements.add(row, columns.failuresInRow, 1)
    }
  }
}

/** The reader of the answer records the gaps between tokens while it streams. */
function distribute(
  tables: Readonly<Record<RowHistogram, HistogramTable>>,
  row: number,
  { durationMs, requestBytes, answer }: RequestRecord,
  outcome: RequestRecord['outcome'],
): void {
  if (outcome === 'success') tables.duration.record(row, durationMs)
  tables.requestSize.record(row, requestBytes)
  if (answer?.firstTokenMs !== undefined) tables.firstToken.record(row, answer.firstTokenMs)
}

/** A delivered error is not a success, even if its delivery was (contract 8: Olla counted it as one). */
function trueOutcome({ outcome, status }: RequestRecord): RequestRecord['outcome'] {
  if (outcome !== 'success' || status === undefined || status < 400) return outcome
  return status >= 500 ? 'failure' : 'rejection'
}

function countWait(
  { queueWait, queueDepth }: Pick<StatsCells['totalHistograms'], 'queueWait' | 'queueDepth'>,
  row: number,
  { queuedMs = 0, queuePosition }: RequestRecord,
): void {
  queueWait.record(row, queuedMs)
  if (queuePosition !== undefined) queueDepth.record(row, queuePosition)
}
