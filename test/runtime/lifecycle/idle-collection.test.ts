import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IdleCollection } from '../../../src/runtime/lifecycle/idle-collection.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const megabyte = 1024 * 1024

interface Process {
  inFlight: number
  ended: number
  usedHeapBytes: number
  collections: number
}

function idleCollection() {
  const clock = new FakeClock()
  const state: Process = {
    inFlight: 0,
    ended: 0,
    usedHeapBytes: 40 * megabyte,
    collections: 0,
  }
  const collection = new IdleCollection({
    clock,
    inFlight: () => state.inFlight,
    ended: () => state.ended,
    usedHeapBytes: () => state.usedHeapBytes,
    collect() {
      state.collections += 1
    },
  })
  collection.start()
  return { clock, state, collection }
}

describe('IdleCollection', () => {
  it('collects once after the start', async () => {
    const { clock, state } = idleCollection()
    await clock.advance(999)
    assert.equal(state.collections, 0)
    await clock.advance(1)
    assert.equal(state.collections, 1)
    await clock.advance(60_000)
    assert.equal(state.collections, 1)
  })

  it('waits while a request is in flight', async () => {
    const { clock, state } = idleCollection()
    state.inFlight = 1
    await clock.advance(60_000)
    assert.equal(state.collections, 0)
    state.inFlight = 0
    await clock.advance(1_000)
    assert.equal(state.collections, 1)
  })

  it('waits for a whole second in which no request has ended', async () => {
    const { clock, state } = idleCollection()
    for (let second = 0; second < 10; second++) {
      await clock.advance(500)
      state.ended += 1
      await clock.advance(500)
    }
    assert.equal(state.collections, 0)
    await clock.advance(1_000)
    assert.equal(state.collections, 1)
  })

  it('does not collect a large heap', async () => {
    const { clock, state } = idleCollection()
    state.usedHeapBytes = 128 * megabyte + 1
    await clock.advance(60_000)
    assert.equal(state.collections, 0)
  })

  it('ends with a stop', async () => {
    const { clock, state, collection } = idleCollection()
    collection.stop()
    await clock.advance(60_000)
    assert.equal(state.collections, 0)
    assert.equal(clock.armed, 0)
  })
})
