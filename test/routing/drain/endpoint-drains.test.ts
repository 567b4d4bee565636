import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { EndpointDrains } from '../../../src/routing/drain/endpoint-drains.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

function create() {
  const { registry, clock } = createRegistry([endpoint({ name: 'a' })])
  registry.setStatus(0, 'healthy', 'probe answered')
  const inFlight = new Gauge(8)
  return { registry, clock, inFlight, drains: new EndpointDrains({ registry, inFlight, clock }) }
}

describe('a drain', () => {
  it('is over when nothing has been in flight twice in a row', async () => {
    const { registry, clock, inFlight, drains } = create()
    inFlight.acquire(0)
    drains.start(0, { reason: 'why' })
    const drained = drains.whenDrained(0, 60_000)
    await clock.advance(1_000)
    assert.equal(registry.status(0), 'draining')
    inFlight.release(0)
    await clock.advance(50)
    assert.equal(registry.status(0), 'draining', 'a request may be on its way')
    await clock.advance(50)
    assert.equal(registry.status(0), 'drained')
    assert.equal(await drained, true)
    assert.equal(clock.armed, 0)
  })

  it('calls for an end once after its limit', async () => {
    const { clock, inFlight, drains } = create()
    inFlight.acquire(0)
    let calls = 0
    let isEmpty = false
    drains.start(0, {
      reason: 'why',
      limitMs: 500,
      onLimit: () => calls++,
      onEmpty: () => {
        isEmpty = true
      },
    })
    await clock.advance(2_000)
    assert.deepEqual([calls, isEmpty], [1, false])
    inFlight.release(0)
    await clock.advance(200)
    assert.equal(isEmpty, true)
  })

  it('ends for those who wait, after their time or when the endpoint returns', async () => {
    const { registry, clock, inFlight, drains } = create()
    inFlight.acquire(0)
    drains.start(0, { reason: 'why' })
    const late = drains.whenDrained(0, 100)
    await clock.advance(150)
    assert.equal(await late, false)
    const returned = drains.whenDrained(0, 60_000)
    assert.equal(drains.end(0, 'back'), true)
    assert.equal(await returned, false)
    assert.equal(registry.status(0), 'healthy')
    assert.equal(clock.armed, 0)
  })
})
