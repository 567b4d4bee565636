import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventBus } from '../../src/events/bus.ts'
import { GatewayLifecycle } from '../../src/lifecycle/drain.ts'
import { FakeClock } from '../support/fake-clock.ts'

function lifecycle(options: { timeoutMs: number; delayMs: number }) {
  const clock = new FakeClock()
  const events = new EventBus(clock, () => {})
  return { clock, lifecycle: new GatewayLifecycle(clock, events, options) }
}

describe('GatewayLifecycle', () => {
  it('waits for requests under way and cuts nothing', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
    let inFlight = 2
    life.track({ inFlight: () => inFlight, cutAll: () => inFlight })
    const drained = life.drain(
      () => {},
      () => {},
    )
    await clock.advance(500)
    assert.equal(life.phase, 'draining')
    inFlight = 0
    await clock.advance(50)
    assert.deepEqual(await drained, { drained: 2, cut: 0 })
    assert.equal(life.phase, 'stopped')
  })

  it('cuts what is left after the limit', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
    life.track({ inFlight: () => 3, cutAll: () => 3 })
    const drained = life.drain(
      () => {},
      () => {},
    )
    await clock.advance(1100)
    assert.deepEqual(await drained, { drained: 3, cut: 3 })
  })

  it('gives clients the same time to read the end of their answers', async () => {
    for (const readAfterMs of [500, Number.POSITIVE_INFINITY]) {
      const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
      const beganMs = clock.monotonicMs()
      const unread = () => (clock.monotonicMs() - beganMs < readAfterMs ? 1 : 0)
      const drained = life.drain(
        () => {},
        () => {},
        { inFlight: unread, cutAll: unread },
      )
      await clock.advance(490)
      assert.equal(life.phase, 'draining')
      await clock.advance(50)
      assert.equal(life.phase, readAfterMs === 500 ? 'stopped' : 'draining')
      await clock.advance(600)
      assert.deepEqual(await drained, { drained: 0, cut: readAfterMs === 500 ? 0 : 1 })
    }
  })

  it('is not ready before it refuses requests', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 300 })
    let refused = false
    const drained = life.drain(
      () => {
        refused = true
      },
      () => {},
    )
    assert.equal(life.draining, true)
    await clock.advance(299)
    assert.equal(refused, false)
    await clock.advance(10)
    assert.equal(refused, true)
    await drained
  })
})
