import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { runThreads, threadPlaces } from '../../support/threads.ts'

describe('a gauge', () => {
  it('never exceeds a limit, and frees released places', () => {
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

  it('releases exactly what an ended thread held', () => {
    const [first, second] = threadPlaces(2, (place) => new Gauge(2, place))
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
    const [threads, limit, rounds] = [2, 1, 50_000]
    const blocks = new SharedBlocks(threads)
    const gauge = new Gauge(2, blocks.place('gauge'))
    const results = await runThreads<{ most: number; acquired: number }>(
      new URL('./gauge-worker.ts', import.meta.url),
      threads,
      { blocks: blocks.description, limit, rounds, keep: 3 },
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
