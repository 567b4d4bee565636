import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HistogramTable } from '../../../src/kernel/cells/histogram-table.ts'
import { FirstContentTimes } from '../../../src/proxy/hedging/first-content-times.ts'
import { firstContentCells } from '../../../src/proxy/hedging/hedge-cells.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

const timesOf = () => {
  const { times } = new SharedState({ models: 3 }).of(firstContentCells)
  return new FirstContentTimes(times)
}
const isNear = (value: number | undefined, expected: number) =>
  assert.ok(value !== undefined && Math.abs(value - expected) < expected / 10, `${value}, not ${expected}`)

describe('times to the first content', () => {
  it('give the 95th percentile of a model', () => {
    const times = timesOf()
    for (let each = 1; each <= 100; each++) times.record(0, each * 10)
    isNear(times.p95Ms(0, 50), 950)
    assert.equal(times.p95Ms(1, 50), undefined)
  })

  it('give none before there are enough', () => {
    const times = timesOf()
    for (let each = 0; each < 9; each++) times.record(0, 100)
    assert.equal(times.p95Ms(0, 10), undefined)
    times.record(0, 100)
    isNear(times.p95Ms(0, 10), 100)
    times.forgetPercentiles()
    assert.equal(times.p95Ms(0, 11), undefined)
  })

  it('give none for the row that unknown models share', () => {
    const times = timesOf()
    for (let each = 0; each < 100; each++) times.record(2, 100)
    assert.equal(times.p95Ms(2, 10), undefined)
  })

  it('follow a model that becomes slower or faster', () => {
    const times = timesOf()
    for (let each = 0; each < 5_000; each++) times.record(0, 100)
    for (let each = 0; each < 1_000; each++) times.record(0, 3_000)
    isNear(times.p95Ms(0, 10), 3_000)
    for (let each = 0; each < 3_000; each++) times.record(0, 100)
    isNear(times.p95Ms(0, 10), 100)
    assert.ok(times.samples(0) <= 500)
  })
})

describe('HistogramTable.halve', () => {
  it('halves one row', () => {
    const table = new HistogramTable([1, 10], 2)
    for (const row of [0, 1]) for (const value of [1, 5, 5, 5]) table.record(row, value)
    table.halve(0)
    assert.deepEqual(table.read(0), { counts: [0.5, 1.5, 0], count: 2, sum: 8 })
    assert.deepEqual(table.read(1), { counts: [1, 3, 0], count: 4, sum: 16 })
  })
})
