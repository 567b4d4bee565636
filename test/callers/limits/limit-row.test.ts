import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { AmountCells } from '../../../src/callers/limits/amount-cells.ts'
import type { CallerLimitCells } from '../../../src/callers/limits/limit-cells.ts'
import { LimitRow } from '../../../src/callers/limits/limit-row.ts'
import { calendarWindow, rollingWindow, type Window } from '../../../src/callers/limits/window.ts'
import { RowMarks } from '../../../src/kernel/cells/row-marks.ts'
import { ownPlace } from '../../../src/kernel/cells/table-place.ts'

function newCells(rows = 8): Pick<CallerLimitCells, 'amounts' | 'unsaved'> {
  return {
    amounts: new AmountCells(rows, ownPlace()),
    unsaved: new RowMarks(rows),
  }
}

/** Views of one row, as several threads have them. */
function views(window: Window, count: number): LimitRow[] {
  const cells = newCells()
  const row = cells.amounts.exclusively(() => cells.amounts.take('key\nid\nname', () => false)) ?? -1
  return Array.from({ length: count }, () => new LimitRow(row, window, cells))
}

const moment = (ms: number) => ({ wallMs: ms, monotonicMs: ms })

/** What is counted, in the plainest way. */
class Model {
  readonly #window: Window
  readonly #amounts = new Map<number, number>()

  constructor(window: Window) {
    this.#window = window
  }

  sum(bucket: number): number {
    let sum = 0
    for (const [at, amount] of this.#amounts)
      if (at <= bucket && at >= bucket - this.#window.span) sum += amount
    return sum
  }

  add(bucket: number, amount: number): void {
    this.#amounts.set(bucket, (this.#amounts.get(bucket) ?? 0) + amount)
  }
}

describe('the row of a limit', () => {
  for (const [name, window, limit] of [
    ['a rolling minute', rollingWindow('minute'), 100],
    ['a rolling month', rollingWindow('month'), 2 ** 50],
    ['a calendar day', calendarWindow('day', 'Europe/Berlin'), 1_000],
    ['no end', calendarWindow('ever', 'UTC'), 10_000],
  ] as const) {
    it(`allows and counts as a plain list does, over threads: ${name}`, () => {
      const stepMs = window.span === 0 ? 3_600_000 : window.leavesInMs(0, moment(0)) / 13
      const step = fc.oneof(
        fc.record({
          kind: fc.constant('add' as const),
          view: fc.nat(2),
          share: fc.double({ min: 0, max: 0.6, noNaN: true }),
        }),
        fc.record({
          kind: fc.constant('settle' as const),
          view: fc.nat(2),
          share: fc.double({ min: 0, max: 1.5, noNaN: true }),
        }),
        fc.record({
          kind: fc.constant('wait' as const),
          view: fc.nat(2),
          share: fc.double({ min: 0, max: 20, noNaN: true }),
        }),
      )
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
          const rows = views(window, 3)
          const model = new Model(window)
          const open: { bucket: number; amount: number }[] = []
          let nowMs = 1_900_000_000_000
          for (const { kind, view, share } of steps) {
            const row = rows[view]
            assert(row !== undefined)
            const bucket = window.bucketAt(moment(nowMs))
            if (kind === 'wait') nowMs += Math.round(share * stepMs)
            else if (kind === 'add') {
              const amount = Math.max(1, Math.round(share * limit))
              const isAllowed = model.sum(bucket) + amount <= limit
              assert.equal(row.add(bucket, amount, limit), isAllowed)
              if (!isAllowed) continue
              model.add(bucket, amount)
              assert.equal(row.total, model.sum(bucket))
              open.push({ bucket: row.bucket, amount })
            } else {
              const held = open.shift()
              if (held === undefined) continue
              const used = Math.round(held.amount * share)
              row.change(held.bucket, used - held.amount)
              // What no longer counts need not be right.
              model.add(held.bucket, used - held.amount)
            }
            assert.equal(row.sum(window.bucketAt(moment(nowMs))), model.sum(window.bucketAt(moment(nowMs))))
          }
        }),
        { numRuns: 200 },
      )
    })
  }

  it('allows no more than the limit in any stretch of a minute, also over the edges of buckets', () => {
    const window = rollingWindow('minute')
    const [row] = views(window, 1)
    const allowed: number[] = []
    for (let ms = 5_000; ms < 400_000; ms += 137)
      if (row?.add(window.bucketAt(moment(ms)), 1, 50) === true) allowed.push(ms)
    for (const [at, from] of allowed.entries()) {
      const within = allowed.slice(at).filter((ms) => ms - from < 60_000).length
      assert(within <= 50, `${within} from ${from}`)
    }
    assert(allowed.length >= 50 * Math.floor(395_000 / 65_000), 'and no more strictly than it says')
  })

  it('does not let a thread whose clock is late use a bucket that another has ended', () => {
    const window = rollingWindow('minute')
    const [first, second] = views(window, 2)
    assert(first !== undefined && second !== undefined)
    assert(first.add(100, 60, 100))
    assert(second.add(101, 30, 100), 'the other thread is ahead')
    assert(!first.add(100, 20, 100), 'and what it has used counts')
    assert(first.add(100, 10, 100))
    assert.equal(first.bucket, 101, 'in the bucket of the thread that is ahead')
  })

  it('forgets what is longer ago than a window, however long', () => {
    const window = rollingWindow('minute')
    const [row] = views(window, 1)
    assert(row !== undefined)
    for (const bucket of [50, 50 + 13, 50 + 10_000, 50 + 15 * 2 ** 21, 50 + 15 * (2 ** 22 - 3)]) {
      assert(row.add(bucket, 100, 100), String(bucket))
      assert.equal(row.bucket, bucket)
      assert(!row.add(bucket, 1, 100))
    }
  })

  it('keeps an amount that a late settlement would make negative at zero', () => {
    const [row] = views(calendarWindow('ever', 'UTC'), 1)
    assert(row !== undefined)
    assert(row.add(0, 10, 100))
    row.change(0, -50)
    assert.equal(row.sum(0), 0)
  })

  it('has a row per key until all are taken', () => {
    const cells = new AmountCells(4, ownPlace())
    const rows = ['a', 'b', 'c', 'd'].map((key) => cells.exclusively(() => cells.take(key, () => false)))
    assert.equal(new Set(rows).size, 4)
    assert.equal(
      cells.exclusively(() => cells.take('e', () => false)),
      undefined,
    )
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => cells.row(key)),
      rows,
    )
  })
})
