import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DeadlineSweep } from '../../../src/endpoints/resilience/deadline-sweep.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('DeadlineSweep', () => {
  it('reports an entry within one step of its deadline, and not before', async () => {
    const clock = new FakeClock()
    const sweep = new DeadlineSweep(clock, 50)
    const told: number[] = []
    const entry = {
      deadlineMs: 1000,
      sweepIndex: -1,
      onDeadline(nowMs: number) {
        told.push(nowMs)
        sweep.delete(entry)
      },
    }
    sweep.add(entry)
    await clock.advance(999)
    assert.deepEqual(told, [])
    await clock.advance(51)
    assert.equal(told.length, 1)
  })

  it('follows a deadline that moves, and holds no timer while it is empty', async () => {
    const clock = new FakeClock()
    const sweep = new DeadlineSweep(clock, 50)
    let told = 0
    const entry = { deadlineMs: 100, sweepIndex: -1, onDeadline: () => void told++ }
    sweep.add(entry)
    assert.equal(clock.armed, 1)
    entry.deadlineMs = Number.POSITIVE_INFINITY
    await clock.advance(10_000)
    assert.equal(told, 0)
    sweep.delete(entry)
    await clock.advance(50)
    assert.equal(clock.armed, 0)
  })
})
