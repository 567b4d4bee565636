import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { heapNow } from '../support/heap-counts.ts'

describe('a timer', () => {
  it('of a random delay leaves nothing behind when it is cancelled', async () => {
    const lists = async () => (await heapNow()).counts.get('TimersList') ?? 0
    const before = await lists()
    for (let delay = 0; delay < 200; delay++) systemClock.after(600_000.5 + delay, () => {}).cancel()
    assert.ok((await lists()) < before + 100)
  })
})
