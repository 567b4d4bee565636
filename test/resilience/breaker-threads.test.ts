import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { BreakerTable } from '../../src/resilience/circuit-breaker.ts'

describe('a circuit breaker over real threads', () => {
  it('is opened by exactly one of them, and gives exactly one the trial', async () => {
    const [threads, rounds] = [2, 2_000]
    const table = new BreakerTable(1)
    const workerData = {
      cells: table.cells.buffer,
      times: table.times.buffer,
      gate: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      threads,
      rounds,
    }
    const results = await Promise.all(
      Array.from({ length: threads }, async () => {
        const worker = new Worker(new URL('./breaker-worker.ts', import.meta.url), { workerData })
        const exited = once(worker, 'exit')
        const [result] = (await once(worker, 'message')) as [{ trialRounds: number[]; opened: number }]
        await exited
        return result
      }),
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
