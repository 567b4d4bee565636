import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HistogramTable } from '../../../src/kernel/cells/histogram-table.ts'
import { durationBoundsMs } from '../../../src/observe/stats/histogram-bounds.ts'
import { threadPlaces } from '../../support/threads.ts'

const bounds = [10, 20, 50]

describe('a histogram table', () => {
  it('counts a value equal to a bound in the bucket below it', () => {
    const table = new HistogramTable(bounds, 2)
    for (const value of [0, 10, 10.5, 20, 50, 51, 1_000]) table.record(1, value)
    assert.deepEqual(table.counts(1), [2, 2, 1, 2])
    assert.deepEqual(table.counts(0), [0, 0, 0, 0])
  })

  it('returns the bound of the bucket that contains a quantile', () => {
    const table = new HistogramTable(bounds, 1)
    for (let count = 0; count < 95; count++) table.record(0, 5)
    for (let count = 0; count < 4; count++) table.record(0, 15)
    table.record(0, 30)
    assert.equal(table.quantile(0, 0.95), 10)
    assert.equal(table.quantile(0, 0.99), 20)
    assert.equal(table.quantile(0, 1), 50)
  })

  it('returns 0 for an empty row and the last bound for larger values', () => {
    const table = new HistogramTable(bounds, 2)
    table.record(1, 10_000)
    assert.equal(table.quantile(0, 0.5), 0)
    assert.equal(table.quantile(1, 0.5), 50)
  })

  it('sums the values of all threads', () => {
    const [first, second] = threadPlaces(2, (place) => new HistogramTable(bounds, 1, place))
    first.record(0, 1)
    second.record(0, 1)
    second.record(0, 40)
    assert.deepEqual(first.counts(0), [2, 0, 1, 0])
    assert.deepEqual(second.counts(0), first.counts(0))
  })

  it('keeps count and sum of all values, over all threads', () => {
    const [first, second] = threadPlaces(2, (place) => new HistogramTable(bounds, 2, place))
    first.record(1, 5)
    second.record(1, 1_000)
    second.add(1, second.bucketOf(15), 4, 60)
    assert.deepEqual(first.read(1), { counts: [1, 4, 0, 1], count: 6, sum: 1_065 })
    assert.deepEqual(first.read(0), { counts: [0, 0, 0, 0], count: 0, sum: 0 })
  })

  it('finds the bucket that contains the rank, for any values', () => {
    const values = fc.array(fc.double({ min: 0, max: 1_000_000, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (recorded, quantile) => {
        const table = new HistogramTable(durationBoundsMs, 1)
        for (const value of recorded) table.record(0, value)
        const rank = Math.max(1, Math.ceil(quantile * recorded.length))
        const exact = [...recorded].sort((a, b) => a - b)[rank - 1] ?? 0
        const expected = durationBoundsMs.find((bound) => exact <= bound) ?? durationBoundsMs.at(-1)
        assert.equal(table.quantile(0, quantile), expected)
      }),
    )
  })
})
