import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { amountCells } from '../../../src/callers/limits/amount-cells.ts'
import { type CallerLimitCells, callerLimitCells } from '../../../src/callers/limits/limit-cells.ts'
import { LimitRow, LimitRows } from '../../../src/callers/limits/limit-row.ts'
import { LimitWindows } from '../../../src/callers/limits/window.ts'
import { cellLayout } from '../../../src/kernel/cells/layout.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

const capacity = 6
const stepMs = 20_000

/** Rows as several threads have them, with room for few. */
function start() {
  const state = new SharedState()
  const few = cellLayout('few rows', () => ({ amounts: amountCells(capacity) }))
  const cells: CallerLimitCells = { ...state.of(callerLimitCells), ...state.of(few) }
  const windows = new LimitWindows('UTC')
  const window = windows.rolling('minute')
  const threads = Array.from({ length: 3 }, () => new LimitRows(cells, windows))
  return { cells, window, threads }
}

describe('rows of limits', () => {
  it('belong to one limit at a time, and keep what counts, over threads', () => {
    const step = fc.record({
      act: fc.constantFrom('hold', 'use', 'giveBack', 'wait'),
      thread: fc.nat(2),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      amount: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { cells, window, threads } = start()
        const moment = { wallMs: 0, monotonicMs: 5_000_000 }
        /** What each limit has used, by bucket, and the rows that threads hold. */
        const used = new Map<string, Map<number, number>>()
        const held = new Map<string, { key: string; thread: number; row: number }>()
        const sumOf = (key: string) => {
          const current = window.bucketAt(moment)
          let sum = 0
          for (const [bucket, amount] of used.get(key) ?? [])
            if (bucket >= current - window.span) sum += amount
          return sum
        }
        for (const { act, thread, key, amount } of steps) {
          const name = `${key} ${thread}`
          const mine = held.get(name)
          const rows = threads[thread]
          assert(rows !== undefined)
          if (act === 'wait') moment.monotonicMs += Math.round((amount / 100) * 4 * stepMs)
          else if (act === 'hold' && mine === undefined) {
            const row = rows.exclusively(() => {
              const taken = rows.take(key, window, moment)
              if (taken !== undefined) rows.hold(taken)
              return taken
            })
            const inUse = new Set([...held.values()].map((each) => each.key))
            for (const each of used.keys()) if (sumOf(each) > 0) inUse.add(each)
            if (row === undefined) assert(inUse.size >= capacity && !inUse.has(key), 'no row is free')
            else {
              held.set(name, { key, thread, row })
              assert.equal(new LimitRow(row, window, cells).sum(window.bucketAt(moment)), sumOf(key))
            }
          } else if (act === 'use' && mine !== undefined) {
            const row = new LimitRow(mine.row, window, cells)
            assert(row.add(window.bucketAt(moment), amount, Number.MAX_SAFE_INTEGER))
            const buckets = used.get(key) ?? new Map<number, number>()
            buckets.set(row.bucket, (buckets.get(row.bucket) ?? 0) + amount)
            used.set(key, buckets)
            assert.equal(row.total, sumOf(key))
          } else if (act === 'giveBack' && mine !== undefined) {
            rows.giveBack(mine.row)
            held.delete(name)
          }
          const keyOfRow = new Map<number, string>()
          for (const each of held.values()) {
            assert.equal(keyOfRow.get(each.row) ?? each.key, each.key, 'no two limits share a row')
            keyOfRow.set(each.row, each.key)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('are enough for any number of limits that are used one after another', () => {
    const { window, threads } = start()
    const [rows] = threads
    assert(rows !== undefined)
    const moment = { wallMs: 0, monotonicMs: 5_000_000 }
    for (let number = 0; number < 20 * capacity; number++) {
      const row = rows.exclusively(() => rows.take(`limit ${number}`, window, moment))
      assert(row !== undefined)
    }
  })
})
