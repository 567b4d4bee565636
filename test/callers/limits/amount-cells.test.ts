import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AmountCells, amountCells } from '../../../src/callers/limits/amount-cells.ts'
import { cellLayout } from '../../../src/kernel/cells/layout.ts'
import { RowLocks } from '../../../src/kernel/cells/row-locks.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { runThreads } from '../../support/threads.ts'

describe('cells of amounts', () => {
  it('are exact over real threads', async () => {
    const [threads, rounds, limit] = [2, 40_000, 500]
    const blocks = new SharedBlocks(threads)
    const amounts = new AmountCells(4, blocks.place('amounts'))
    const results = await runThreads<Record<'endless' | 'rolling' | 'kept' | 'most', number>>(
      new URL('./amounts-worker.ts', import.meta.url),
      threads,
      { blocks: blocks.description, rounds, limit, clock: new Int32Array(new SharedArrayBuffer(4)) },
    )
    const endless = amounts.row('endless') ?? -1
    const kept = results.reduce((sum, each) => sum + each.kept, 0)
    assert.equal(kept, (threads * rounds * 7) / 1_000)
    assert.equal(amounts.find(endless, 0), kept)
    assert.equal(amounts.sum(endless, 0, 0), kept)
    for (const result of results) {
      assert.equal(result.endless, endless, 'one row for all threads')
      assert(result.most <= limit)
    }
    const rolling = amounts.row('rolling') ?? -1
    assert(amounts.sum(rolling, 139, 12) <= limit)
  })

  it('have locks that are released when their thread has ended', () => {
    const blocks = new SharedBlocks(2)
    const first = new RowLocks(3, blocks.place('locks'))
    const second = new RowLocks(3, new SharedBlocks(2, 1, blocks.description).place('locks'))
    const [block] = blocks.description.values()
    assert(block !== undefined)
    const held = new Int32Array(block.memory)
    first.lock(0)
    second.lock(1)
    second.lock(2)
    second.unlock(2)
    assert.deepEqual([...held], [1, 2, 0])
    first.reclaim(1)
    assert.deepEqual([...held], [1, 0, 0])
  })

  it('release the locks of an ended thread with all else that it held', () => {
    const layout = cellLayout('amounts of a test', () => ({ amounts: amountCells(1) }))
    const state = new SharedState({}, new SharedBlocks(2, 0))
    state.of(layout)
    const [found] = [...state.blocks].filter(([, { shape }]) => shape.kind === RowLocks.kind)
    assert(found !== undefined)
    const [name, { memory }] = found
    new RowLocks(1, new SharedBlocks(2, 1, state.blocks).place(name)).lock(0)
    assert.equal(new Int32Array(memory)[0], 2)
    state.reclaim(1)
    assert.equal(new Int32Array(memory)[0], 0)
  })
})
