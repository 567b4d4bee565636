import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CounterTable } from '../../../src/kernel/cells/counter-table.ts'
import { threadPlaces } from '../../support/threads.ts'

const columns = ['count', 'least', 'most'] as const

describe('a counter table', () => {
  it('keeps rows and columns apart', () => {
    const table = new CounterTable(columns, 3)
    table.add(1, table.column('count'), 5)
    table.recordMax(1, table.column('most'), 7)
    assert.equal(table.sum(1, table.column('count')), 5)
    assert.equal(table.maximum(1, table.column('most')), 7)
    for (const row of [0, 2]) for (const column of [0, 1, 2]) assert.equal(table.sum(row, column), 0)
  })

  it('rejects an unknown column', () => {
    const table = new CounterTable<string>(columns, 1)
    assert.throws(() => table.column('other'), RangeError)
  })

  it('keeps a minimum of 0, which also means "none yet"', () => {
    const table = new CounterTable(columns, 1)
    const least = table.column('least')
    table.recordMin(0, least, 0)
    table.recordMin(0, least, 5)
    assert.equal(table.minimum(0, least), 0)
  })

  it('clears a counter for all threads', () => {
    const [first, second] = threadPlaces(2, (place) => new CounterTable(columns, 2, place))
    first.add(0, 0, 3)
    second.add(0, 0, 4)
    second.add(1, 0, 5)
    first.clear(0, 0)
    assert.deepEqual([second.sum(0, 0), second.sum(1, 0)], [0, 5])
  })

  it('returns the sum, maximum and minimum over any number of threads', () => {
    const entry = fc.record({
      thread: fc.nat(3),
      row: fc.nat(2),
      value: fc.nat(1_000_000),
    })
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const tables = threadPlaces(4, (place) => new CounterTable(columns, 3, place))
        for (const { thread, row, value } of entries) {
          tables[thread]?.add(row, 0, value)
          tables[thread]?.recordMin(row, 1, value)
          tables[thread]?.recordMax(row, 2, value)
        }
        for (const row of [0, 1, 2]) {
          const values = entries.filter((each) => each.row === row).map(({ value }) => value)
          for (const table of tables) {
            assert.equal(
              table.sum(row, 0),
              values.reduce((sum, value) => sum + value, 0),
            )
            assert.equal(table.minimum(row, 1), values.length === 0 ? 0 : Math.min(...values))
            assert.equal(table.maximum(row, 2), Math.max(0, ...values))
          }
        }
      }),
    )
  })
})
