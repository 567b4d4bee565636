import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fineBounds } from '../../../src/kernel/cells/fine-bounds.ts'
import { HistogramTable } from '../../../src/kernel/cells/histogram-table.ts'
import { attemptBounds, requestSizeBounds } from '../../../src/observe/stats/histogram-bounds.ts'
import { timeBoundsMs } from '../../../src/proxy/usage/time-bounds.ts'
import { threadPlaces } from '../../support/threads.ts'

const bounds = [10, 20, 50]
const lists: Readonly<Record<string, readonly number[]>> = {
  times: timeBoundsMs,
  sizes: requestSizeBounds,
  attempts: attemptBounds,
  few: bounds,
}

describe('a histogram table', () => {
  it('counts a value equal to a bound in the bucket below it', () => {
    const table = new HistogramTable(bounds, 2)
    for (const value of [0, 10, 10.5, 20, 50, 51, 1_000]) table.record(1, value)
    assert.deepEqual(table.counts(1), [2, 2, 1, 2])
    assert.deepEqual(table.counts(0), [0, 0, 0, 0])
  })

  it('returns the harmonic middle of the bucket that contains a quantile', () => {
    const table = new HistogramTable(bounds, 1)
    for (let count = 0; count < 95; count++) table.record(0, 5)
    for (let count = 0; count < 4; count++) table.record(0, 15)
    table.record(0, 30)
    assert.deepEqual(table.quantiles(0, [0.95, 0.99, 1]), [10, 400 / 30, 2_000 / 70])
    assert.equal(table.quantile(0, 0.99), 400 / 30)
  })

  it('returns 0 for an empty row and the last bound for larger values', () => {
    const table = new HistogramTable(bounds, 2)
    table.record(1, 10_000)
    assert.equal(table.quantile(0, 0.5), 0)
    assert.equal(table.quantiles(0, [0.5]), undefined)
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

  for (const [name, bounds] of Object.entries(lists)) {
    it(`finds the first bound that is not below a value: ${name}`, () => {
      const table = new HistogramTable(bounds, 1)
      const expected = (value: number) => {
        const found = bounds.findIndex((bound) => value <= bound)
        return found < 0 ? bounds.length : found
      }
      const check = (value: number) => assert.equal(table.bucketOf(value), expected(value), String(value))
      for (const bound of bounds) {
        const step = bound * Number.EPSILON
        for (const value of [bound - step, bound, bound + step]) check(value)
      }
      for (const value of [-1, -0, 0, Number.MIN_VALUE, 1e300, Number.POSITIVE_INFINITY, Number.NaN])
        check(value)
      const near = fc
        .tuple(fc.constantFrom(...bounds), fc.double({ min: 0.5, max: 2, noNaN: true }))
        .map(([bound, factor]) => bound * factor)
      fc.assert(fc.property(fc.oneof(near, fc.double()), check), { numRuns: 2_000 })
    })
  }

  it('finds the bucket that contains the rank, for any values', () => {
    const values = fc.array(fc.double({ min: 0, max: 1_000_000, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (recorded, quantile) => {
        const table = new HistogramTable(timeBoundsMs, 1)
        for (const value of recorded) table.record(0, value)
        const rank = Math.max(1, Math.ceil(quantile * recorded.length))
        const exact = [...recorded].sort((a, b) => a - b)[rank - 1] ?? 0
        const bucket = table.bucketOf(exact)
        const given = table.quantile(0, quantile)
        assert.ok(given <= (timeBoundsMs[bucket] ?? 0))
        assert.ok(bucket === 0 || given > (timeBoundsMs[bucket - 1] ?? 0))
      }),
    )
  })

  it('rejects bounds that one comparison cannot tell apart', () => {
    for (const wrong of [
      [10, 10.1, 50],
      [0, 1],
      [1e-9, 1],
    ]) {
      assert.throws(() => new HistogramTable(wrong, 1), RangeError)
    }
  })
})

describe('fine bounds', () => {
  it('contain the given ones and grow by no more than the ratio', () => {
    const given = [0.09, 1, 2, 5, 3_600]
    const bounds = fineBounds(given, 1.09)
    for (const bound of given) assert.ok(bounds.includes(bound))
    for (const [index, bound] of bounds.entries()) {
      if (index > 0) assert.ok(bound > (bounds[index - 1] ?? 0) && bound <= (bounds[index - 1] ?? 0) * 1.09)
    }
  })
})
