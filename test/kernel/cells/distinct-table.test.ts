import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DistinctTable } from '../../../src/kernel/cells/distinct-table.ts'

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)
}

describe('a distinct table', () => {
  it('counts each value once, in its own row', () => {
    const table = new DistinctTable(3)
    for (let round = 0; round < 3; round++) for (const address of addresses(4)) table.add(1, address)
    assert.deepEqual(
      [0, 1, 2].map((row) => table.estimate(row)),
      [0, 4, 0],
    )
  })

  for (const count of [100, 1_000, 5_000]) {
    it(`is within 10 % for ${count} addresses of one network`, () => {
      const table = new DistinctTable(1)
      for (const address of addresses(count)) table.add(0, address)
      const estimate = table.estimate(0)
      assert.ok(Math.abs(estimate - count) <= count * 0.1, `${estimate} for ${count}`)
    })
  }

  it('stays finite when every bit is set', () => {
    const table = new DistinctTable(1)
    for (const address of addresses(60_000)) table.add(0, address)
    assert.ok(Number.isSafeInteger(table.estimate(0)))
  })

  it('does not depend on order and repetition', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 40 }), (values) => {
        const once = new DistinctTable(1)
        const again = new DistinctTable(1)
        for (const value of new Set(values)) once.add(0, value)
        for (const value of [...values, ...values].reverse()) again.add(0, value)
        assert.equal(once.estimate(0), again.estimate(0))
      }),
    )
  })
})
