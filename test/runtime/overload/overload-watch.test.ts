import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock } from '../../../src/kernel/clock.ts'
import { type OverloadChange, OverloadWatch, sampleMs } from '../../../src/runtime/overload/overload-watch.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const limits = { lowMs: 100, normalMs: 400, highMs: 1_000, lowMemory: 0.8 }

function watchOf() {
  const clock = new FakeClock()
  let lateMs = 0
  let memory = 0
  // Timers fire late, as in a loop that is busy.
  const late: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs + lateMs, run),
  }
  const changes: OverloadChange[] = []
  const watch = new OverloadWatch({
    clock: late,
    limits,
    memoryShare: () => memory,
    onChange: (change) => changes.push(change),
  })
  return {
    clock,
    watch,
    changes,
    late: (ms: number) => {
      lateMs = ms
    },
    use: (share: number) => {
      memory = share
    },
  }
}

describe('OverloadWatch', () => {
  it('reports a change once, with what it measured', async () => {
    const { clock, watch, changes, late } = watchOf()
    late(450)
    watch.start()
    await clock.advance(10 * (sampleMs + 450))
    assert.equal(watch.level, 2)
    assert.deepEqual(changes, [{ from: 0, to: 2, delayMs: 450, memoryShare: 0 }])
    late(0)
    await clock.advance(5_000)
    assert.equal(watch.level, 0)
    assert.deepEqual(
      changes.map(({ from, to }) => [from, to]),
      [
        [0, 2],
        [2, 1],
        [1, 0],
      ],
    )
  })

  it('counts used memory', async () => {
    const { clock, watch, changes, use } = watchOf()
    watch.start()
    use(0.85)
    await clock.advance(sampleMs)
    assert.deepEqual(changes, [{ from: 0, to: 1, delayMs: 0, memoryShare: 0.85 }])
  })

  it('has one timer, and none once stopped', async () => {
    const { clock, watch } = watchOf()
    watch.start()
    await clock.advance(10 * sampleMs)
    assert.equal(clock.armed, 1)
    watch.stop()
    assert.equal(clock.armed, 0)
  })
})
