import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BreakerTable } from '../../../src/endpoints/resilience/breaker-table.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { runThreads } from '../../support/threads.ts'

describe('a circuit breaker over real threads', () => {
  it('is opened by exactly one thread, and gives exactly one the trial', async () => {
    const [threads, rounds] = [2, 2_000]
    const blocks = new SharedBlocks(threads)
    const table = new BreakerTable(1, blocks.place('breakers'))
    assert.equal(table.rows, 1)
    const results = await runThreads<{ trialRounds: number[]; opened: number }>(
      new URL('./breaker-worker.ts', import.meta.url),
      threads,
      { blocks: blocks.description, gate: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT), rounds },
    )
    const trials = results.flatMap(({ trialRounds }) => trialRounds).toSorted((a, b) => a - b)
    assert.deepEqual(
      trials,
      Array.from({ length: rounds }, (_, round) => round),
    )
    assert.equal(
      results.reduce((sum, { opened }) => sum + opened, 0),
      rounds,
    )
  })
})
