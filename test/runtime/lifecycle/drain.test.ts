import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DrainedListener } from '../../../src/http/connections/draining-listener.ts'
import { EventBus } from '../../../src/runtime/events/bus.ts'
import { GatewayLifecycle } from '../../../src/runtime/lifecycle/drain.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { noConnections } from '../../support/no-connections.ts'

function lifecycle(options: { timeoutMs: number; delayMs: number }) {
  const clock = new FakeClock()
  const events = new EventBus(clock, () => {})
  return { clock, lifecycle: new GatewayLifecycle(clock, events, options) }
}

describe('GatewayLifecycle', () => {
  it('waits for requests in flight and cuts nothing', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
    let inFlight = 2
    life.track({ inFlight: () => inFlight, cutAll: () => inFlight })
    const drained = life.drain(noConnections)
    await clock.advance(500)
    assert.equal(life.phase, 'draining')
    inFlight = 0
    await clock.advance(50)
    assert.deepEqual(await drained, { drained: 2, cut: 0 })
    assert.equal(life.phase, 'stopped')
    assert.deepEqual(await life.drain(noConnections), { drained: 2, cut: 0 })
  })

  it('cuts remaining requests after the limit', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
    life.track({ inFlight: () => 3, cutAll: () => 3 })
    const drained = life.drain(noConnections)
    await clock.advance(1100)
    assert.deepEqual(await drained, { drained: 3, cut: 3 })
  })

  it('waits as long for connections with unsent answers', async () => {
    for (const readAfterMs of [500, Number.POSITIVE_INFINITY]) {
      const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 0 })
      const beganMs = clock.monotonicMs()
      const listener: DrainedListener = {
        ...noConnections,
        get open() {
          return clock.monotonicMs() - beganMs < readAfterMs ? 1 : 0
        },
        refuseIncomplete: () => 1,
        cutUnread: () => 1,
      }
      const drained = life.drain(listener)
      await clock.advance(490)
      assert.equal(life.phase, 'draining')
      await clock.advance(50)
      assert.equal(life.phase, readAfterMs === 500 ? 'stopped' : 'draining')
      await clock.advance(600)
      const cut = readAfterMs === 500 ? 0 : 2
      assert.deepEqual(await drained, { drained: cut, cut })
    }
  })

  it('keeps the port open for the delay, with answers that end their connections', async () => {
    const { clock, lifecycle: life } = lifecycle({ timeoutMs: 1000, delayMs: 300 })
    const done: string[] = []
    life.onClosing(() => done.push('closing'))
    const drained = life.drain({
      ...noConnections,
      stopKeeping: () => void done.push('keeps none'),
      stopAccepting: async () => void done.push('port closed'),
    })
    assert.equal(life.draining, true)
    await clock.advance(299)
    assert.deepEqual(done, ['keeps none'])
    await clock.advance(10)
    assert.deepEqual(done, ['keeps none', 'closing', 'port closed'])
    await drained
  })
})
