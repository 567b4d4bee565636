import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { callerLimitCells } from '../../../src/callers/limits/limit-cells.ts'
import { maxOpenCharges, noCharge, type OpenCharges } from '../../../src/callers/limits/open-charges.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'

/** The cells of two threads. */
function start(): [OpenCharges, OpenCharges] {
  const first = new SharedState({}, new SharedBlocks(2, 0))
  const { open } = first.of(callerLimitCells)
  return [open, new SharedState({}, new SharedBlocks(2, 1, first.blocks)).of(callerLimitCells).open]
}

describe('open charges', () => {
  it('are those of the requests that are not settled, by thread', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1), fc.nat(3), fc.nat(9)), { maxLength: 60 }),
        (steps: readonly (readonly [number, number, number])[]) => {
          const cells = start()
          const requests: { first: number; amounts: number[] }[][] = [[], []]
          for (const [thread, count, at] of steps) {
            const open = cells[thread] ?? assert.fail()
            const own = requests[thread] ?? assert.fail()
            const settled = count === 0 ? own.splice(at, 1)[0] : undefined
            if (settled !== undefined) open.remove(settled.first)
            let first = noCharge
            const amounts = Array.from({ length: count }, (_, number) => at * 10 + number)
            for (const amount of amounts) first = open.add(amount, amount + 1, amount, 2, first)
            if (count > 0) own.push({ first, amounts })
          }
          for (const thread of [0, 1]) {
            const expected = (requests[thread] ?? []).flatMap(({ amounts }) => amounts)
            const sorted = (values: number[]) => values.sort((a, b) => a - b)
            const found = [...cells[0].of(thread)].map(({ row, bucket, amount, window }) => {
              assert.deepEqual([bucket, window, row], [amount + 1, 2, amount])
              return amount
            })
            assert.deepEqual(sorted(found), sorted(expected))
          }
        },
      ),
    )
  })

  it('are taken once, and their thread finds them gone', () => {
    const [control, serving] = start()
    const first = serving.add(5, 1, 10, 0, noCharge)
    assert.deepEqual([serving.has(first), serving.has(noCharge)], [true, true])
    assert.equal(control.take(1).length, 1)
    assert.deepEqual([serving.has(first), control.take(1).length], [false, 0])
  })

  it('are not noted beyond their maximum', () => {
    const [open] = start()
    let first = noCharge
    for (let count = 0; count < maxOpenCharges + 10; count++) first = open.add(1, 1, 1, 1, first)
    assert.equal([...open.of(0)].length, maxOpenCharges)
    open.remove(first)
    assert.equal([...open.of(0)].length, 0)
    assert.notEqual(open.add(1, 1, 1, 1, noCharge), noCharge)
  })
})
