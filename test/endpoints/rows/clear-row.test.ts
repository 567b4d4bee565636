/** A row that another endpoint gets is as it was in new memory, whatever its former one left there. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { discoveryCells } from '../../../src/endpoints/discovery/discovery-records.ts'
import { signalCells } from '../../../src/endpoints/engines/signal-cells.ts'
import { answerCells } from '../../../src/endpoints/health/answer-times.ts'
import { probeCells } from '../../../src/endpoints/health/probe-records.ts'
import { statusCells } from '../../../src/endpoints/registry/status-cells.ts'
import { circuitCells } from '../../../src/endpoints/resilience/circuit-cells.ts'
import { coolDownCells } from '../../../src/endpoints/resilience/cool-down.ts'
import { clearEndpointRow } from '../../../src/endpoints/rows/clear-row.ts'
import { signalNames } from '../../../src/endpoints/signals/signal-source.ts'
import type { CellKinds, CellLayout } from '../../../src/kernel/cells/layout.ts'
import { clearStatsRow } from '../../../src/observe/stats/clear-row.ts'
import { statsCells } from '../../../src/observe/stats/stats-cells.ts'
import { gapCells } from '../../../src/proxy/usage/gap-cells.ts'
import { clearPlaceRow, clearRoutingRow } from '../../../src/routing/drain/clear-row.ts'
import { penaltyCells } from '../../../src/routing/selection/failure-penalty.ts'
import { loadCells } from '../../../src/routing/selection/load-cells.ts'
import { placeCells } from '../../../src/routing/selection/place-limits.ts'
import { turnCells } from '../../../src/routing/selection/strategies.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

const capacities = { endpoints: 4, models: 3 }
const row = 2
/** Of what an engine reports. */
const signalColumns = signalNames.length + 5
/** Layouts with rows by endpoint. */
const layouts: readonly CellLayout<CellKinds>[] = [
  statusCells,
  probeCells,
  discoveryCells,
  signalCells,
  answerCells,
  circuitCells,
  coolDownCells,
  penaltyCells,
  loadCells,
  placeCells,
  turnCells,
  statsCells,
  gapCells,
]

describe('the row of another endpoint', () => {
  it('reads like a new one', () => {
    const used = stateOf()
    const unused = stateOf()
    const placement = row + capacities.endpoints
    used.of(statsCells).placementRows.take(placement)
    used.of(circuitCells).models.take(row, 'm', 5)
    fill(used)
    assert.notDeepEqual(readingOf(used), readingOf(unused))
    for (const clear of [clearEndpointRow, clearRoutingRow, clearPlaceRow, clearStatsRow]) clear(used, row)
    assert.deepEqual(readingOf(used), readingOf(unused))
  })

  it('is all that is cleared', () => {
    const used = stateOf()
    fill(used)
    const other = used.of(statsCells).endpoints.sum(row - 1, 0)
    for (const clear of [clearEndpointRow, clearRoutingRow, clearPlaceRow, clearStatsRow]) clear(used, row)
    assert.ok(other > 0)
    assert.equal(used.of(statsCells).endpoints.sum(row - 1, 0), other)
  })
})

function stateOf(): SharedState {
  const state = new SharedState(capacities)
  for (const layout of layouts) state.of(layout)
  return state
}

/** Writes to every row of all tables by endpoint. */
function fill(state: SharedState): void {
  const { status, records } = state.of(statusCells)
  const { endpoints, statuses, placements, endpointHistograms } = state.of(statsCells)
  const { chosenAt, credits } = state.of(turnCells)
  const { probes } = state.of(probeCells)
  const { reads } = state.of(discoveryCells)
  const circuits = state.of(circuitCells).endpoints
  const { leased, share, others } = state.of(placeCells)
  for (let each = 0; each < capacities.endpoints; each++) {
    status[each] = 5
    const signals = state.of(signalCells)
    for (const table of [records, probes, reads, signals.values, signals.reads]) table.setText(each, 'why')
    for (let column = 0; column < signalColumns; column++) signals.values.setNumber(each, column, 7)
    for (let column = 0; column < 4; column++) {
      records.setNumber(each, column, 7)
      probes.setNumber(each, column, 7)
      if (column < 2) reads.setNumber(each, column, 7)
      if (column < 2) signals.reads.setNumber(each, column, 7)
      circuits.store(each, column, 9)
    }
    for (const numbers of [chosenAt, credits, state.of(answerCells).answeredAtMs, leased, share, others])
      numbers[each] = 3
    state.of(coolDownCells).untilMs[each] = 3
    state.of(penaltyCells).penalties[each] = 3
    state.of(loadCells).lastResortAtMs[each] = 3
    for (let column = 0; column < endpoints.columns.length; column++) endpoints.add(each, column, 1)
    for (let column = 0; column < statuses.columns.length; column++) statuses.add(each, column, 1)
    for (let column = 0; column < placements.columns.length; column++) placements.add(0, column, 1)
    for (const histogram of [...Object.values(endpointHistograms), state.of(gapCells).endpoints])
      histogram.record(each, 20)
  }
}

/** What the tables by endpoint show of the row. */
function readingOf(state: SharedState): unknown {
  const { status, records } = state.of(statusCells)
  const { endpoints, statuses, placements, endpointHistograms } = state.of(statsCells)
  const { chosenAt, credits } = state.of(turnCells)
  const { probes } = state.of(probeCells)
  const { reads } = state.of(discoveryCells)
  const signals = state.of(signalCells)
  const circuits = state.of(circuitCells)
  const { leased, share, others } = state.of(placeCells)
  const sums = (table: typeof endpoints | typeof statuses | typeof placements, at: number) =>
    table.columns.map((_, column) => [table.sum(at, column), table.maximum(at, column)])
  return {
    status: status[row],
    numbers: [
      ...[records, probes].map((table) => [0, 1, 2, 3].map((column) => table.number(row, column))),
      ...[reads, signals.reads].map((table) => [0, 1].map((column) => table.number(row, column))),
      Array.from({ length: signalColumns }, (_, column) => signals.values.number(row, column)),
    ],
    texts: [records, probes, reads, signals.values, signals.reads].map((table) => table.text(row)),
    circuit: [0, 1, 2, 3].map((cell) => circuits.endpoints.load(row, cell)),
    models: circuits.models.rows(row),
    cells: [
      chosenAt[row],
      credits[row],
      state.of(answerCells).answeredAtMs[row],
      state.of(coolDownCells).untilMs[row],
      state.of(penaltyCells).penalties[row],
      state.of(loadCells).lastResortAtMs[row],
      ...[leased, share, others].map((cells) => cells[row]),
    ],
    sums: [sums(endpoints, row), sums(statuses, row)],
    placement: sums(placements, 0),
    histograms: [...Object.values(endpointHistograms), state.of(gapCells).endpoints].map((histogram) =>
      histogram.read(row),
    ),
  }
}
