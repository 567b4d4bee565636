import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { Gauge } from '../../src/state/gauge.ts'

describe('a gauge', () => {
  it('never goes above a limit, and frees what is released', () => {
    const step = fc.record({ row: fc.nat(2), acquire: fc.boolean(), limit: fc.nat(4) })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const gauge = new Gauge(3)
        const held = [0, 0, 0]
        for (const { row, acquire, limit } of steps) {
          const before = held[row] ?? 0
          if (acquire) {
            const expected = limit === 0 || before < limit
            assert.equal(gauge.acquire(row, limit), expected)
            if (expected) held[row] = before + 1
          } else if (before > 0) {
            gauge.release(row)
            held[row] = before - 1
          }
          assert.deepEqual(
            held.map((_, each) => gauge.value(each)),
            held,
          )
        }
      }),
    )
  })

  it('gives back exactly what an ended thread held', () => {
    const first = new Gauge(2, { threads: 2, thread: 0 })
    const second = new Gauge(2, { threads: 2, thread: 1, buffer: first.buffer })
    first.acquire(0)
    second.acquire(0)
    second.acquire(0)
    second.acquire(1)
    second.release(0)
    first.reclaim(1)
    assert.deepEqual([first.value(0), first.value(1)], [1, 0])
    first.reclaim(1)
    assert.equal(first.value(0), 1)
  })

  it('is exact over real threads', async () => {
    const [threads, limit, rounds] = [3, 1, 50_000]
    const gauge = new Gauge(2, { threads, thread: 2 })
    const results = await Promise.all(
      [0, 1].map(async (thread) => {
        const worker = new Worker(new URL('./gauge-worker.ts', import.meta.url), {
          workerData: { buffer: gauge.buffer, thread, threads, limit, rounds, keep: 3 },
        })
        const exited = once(worker, 'exit')
        const [result] = (await once(worker, 'message')) as [{ most: number; acquired: number }]
        await exited
        return result
      }),
    )
    for (const { acquired, most } of results) {
      assert.equal(acquired, rounds)
      assert.equal(most, limit)
    }
    assert.deepEqual([gauge.value(0), gauge.value(1)], [0, 6])
    gauge.reclaim(0)
    assert.equal(gauge.value(1), 3)
    gauge.reclaim(1)
    assert.equal(gauge.value(1), 0)
  })
})
