import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { median, percentile, slope } from '../../bench/statistics.ts'

const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 })

describe('median', () => {
  it('is the middle value, or between the two middle ones', () => {
    assert.equal(median([3]), 3)
    assert.equal(median([9, 1, 5]), 5)
    assert.equal(median([4, 1, 2, 9]), 3)
  })

  it('is NaN without values', () => {
    assert.ok(Number.isNaN(median([])))
  })

  it('has as many values below as above, and does not change its input', () => {
    fc.assert(
      fc.property(values, (input) => {
        const before = [...input]
        const middle = median(input)
        assert.deepEqual(input, before)
        const half = input.length / 2
        assert.ok(input.filter((value) => value < middle).length <= half)
        assert.ok(input.filter((value) => value > middle).length <= half)
      }),
    )
  })
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)

  it('returns the value at a share of the sorted values', () => {
    assert.equal(percentile(hundred, 0), 1)
    assert.equal(percentile(hundred, 0.5), 51)
    assert.equal(percentile(hundred, 0.99), 100)
    assert.equal(percentile(hundred, 1), 100)
  })

  it('grows with the share and is one of the values', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(values, share, share, (input, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)]
        assert.ok(percentile(input, low) <= percentile(input, high))
        assert.ok(input.includes(percentile(input, one)))
      }),
    )
  })
})

describe('slope', () => {
  it('is that of the line through the points', () => {
    assert.equal(
      slope([
        { x: 0, y: 1 },
        { x: 1, y: 3 },
        { x: 2, y: 5 },
      ]),
      2,
    )
  })

  it('is the least-squares slope if the points are not on a line', () => {
    const rising = slope([
      { x: 0, y: 0 },
      { x: 1, y: 3 },
      { x: 2, y: 2 },
      { x: 3, y: 5 },
    ])
    assert.equal(rising, 1.4)
  })

  it('is 0 without a line', () => {
    assert.equal(slope([]), 0)
    assert.equal(slope([{ x: 1, y: 7 }]), 0)
    assert.equal(
      slope([
        { x: 1, y: 2 },
        { x: 1, y: 9 },
      ]),
      0,
    )
  })
})
