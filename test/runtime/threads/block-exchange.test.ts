import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { counters } from '../../../src/kernel/cells/kinds.ts'
import { cellLayout } from '../../../src/kernel/cells/layout.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { provideBlocks } from '../../../src/runtime/threads/block-exchange.ts'
import { countedCells } from './counted-cells.ts'

async function run(state: SharedState, thread: number, threads: number): Promise<void> {
  const line = provideBlocks(state.findBlock)
  const worker = new Worker(new URL('./block-worker.ts', import.meta.url), {
    workerData: { line, thread, threads },
    transferList: [line.port],
  })
  // A thread can end in the turn of the loop in which its message arrives.
  await Promise.all([once(worker, 'message'), once(worker, 'exit')])
}

describe('blocks that threads request', () => {
  it('are the same for all threads that request them at the same time', async () => {
    const state = new SharedState({}, new SharedBlocks(3, 2))
    await Promise.all([run(state, 0, 3), run(state, 1, 3)])
    for (let table = 0; table < 20; table++) {
      assert.equal(state.of(countedCells(table)).counts.sum(0, 0), 2, `table ${table}`)
    }
  })

  it('fail a thread with a different layout', async () => {
    const state = new SharedState({}, new SharedBlocks(3, 2))
    state.of(cellLayout('table-3', () => ({ counts: counters(['minutes']) })))
    await assert.rejects(run(state, 0, 3), /the cells table-3\.counts are 1 rows of counters of minutes/)
  })
})
