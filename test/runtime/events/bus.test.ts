import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { EventBus } from '../../../src/runtime/events/bus.ts'
import type { GatewayEvent } from '../../../src/runtime/events/events.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function createBus(capacity?: number) {
  const errors: unknown[] = []
  const clock = new FakeClock(1_000)
  return { bus: new EventBus(clock, (error) => errors.push(error), capacity), clock, errors }
}

function publish(bus: EventBus, profile = 'vllm'): void {
  bus.publish('endpoint.detected', { endpoint: 'a', profile })
}

describe('the event bus', () => {
  it('hands events over after the current turn, in order, with time and sequence', async () => {
    const { bus, clock } = createBus()
    const received: GatewayEvent[] = []
    bus.subscribe((event) => received.push(event))
    publish(bus, 'first')
    await clock.advance(5)
    publish(bus, 'second')
    assert.equal(received.length, 0)
    await turn()
    assert.deepEqual(received, [
      { type: 'endpoint.detected', sequence: 1, atMs: 1_000, data: { endpoint: 'a', profile: 'first' } },
      { type: 'endpoint.detected', sequence: 2, atMs: 1_005, data: { endpoint: 'a', profile: 'second' } },
    ])
  })

  it('delivers only the subscribed types', async () => {
    const { bus } = createBus()
    const types: string[] = []
    bus.subscribe((event) => types.push(event.type), { types: ['lifecycle.phase'] })
    publish(bus)
    bus.publish('lifecycle.phase', { phase: 'draining', inFlight: 0 })
    await turn()
    assert.deepEqual(types, ['lifecycle.phase'])
  })

  it('drops and counts events for a full buffer, for that subscriber only', async () => {
    const { bus } = createBus()
    let slow = 0
    let fast = 0
    const subscription = bus.subscribe(() => slow++, { capacity: 2 })
    bus.subscribe(() => fast++)
    for (let count = 0; count < 5; count++) publish(bus)
    await turn()
    assert.deepEqual(
      { slow, fast, own: subscription.dropped, all: bus.dropped },
      { slow: 2, fast: 5, own: 3, all: 3 },
    )
    publish(bus)
    await turn()
    assert.equal(slow, 3)
  })

  it('uses its default capacity if a subscriber sets none', async () => {
    const { bus } = createBus(1)
    let received = 0
    bus.subscribe(() => received++)
    publish(bus)
    publish(bus)
    await turn()
    assert.equal(received, 1)
    assert.equal(bus.dropped, 1)
  })

  it('reports the error of a subscriber and continues with the next event', async () => {
    const { bus, errors } = createBus()
    let received = 0
    const failure = new Error('no')
    bus.subscribe(() => {
      received++
      if (received === 1) throw failure
    })
    publish(bus)
    publish(bus)
    await turn()
    assert.deepEqual(errors, [failure])
    assert.equal(received, 2)
  })

  it('delivers nothing more to a closed subscriber, even in the middle of a batch', async () => {
    const { bus } = createBus()
    let received = 0
    const subscription = bus.subscribe(() => {
      received++
      subscription.close()
    })
    publish(bus)
    publish(bus)
    await turn()
    publish(bus)
    await turn()
    assert.equal(received, 1)
    assert.equal(bus.subscribers, 0)
  })

  it('delivers nothing more once it is closed', async () => {
    const { bus } = createBus()
    let received = 0
    bus.subscribe(() => received++)
    publish(bus)
    bus.close()
    await turn()
    assert.equal(received, 0)
  })

  it('delivers what a subscriber publishes in a later turn', async () => {
    const { bus } = createBus()
    let received = 0
    bus.subscribe(() => {
      received++
      if (received < 3) publish(bus)
    })
    publish(bus)
    await turn()
    assert.equal(received, 1)
    await turn()
    await turn()
    assert.equal(received, 3)
  })

  it('loses no event uncounted: received and dropped make up published', async () => {
    const burst = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), burst, async (capacity, bursts) => {
        const { bus } = createBus()
        const sequences: number[] = []
        const subscription = bus.subscribe((event) => sequences.push(event.sequence), { capacity })
        for (const size of bursts) {
          for (let count = 0; count < size; count++) publish(bus)
          await turn()
        }
        assert.equal(sequences.length + subscription.dropped, bus.published)
        assert.deepEqual(
          sequences,
          [...sequences].sort((a, b) => a - b),
        )
        const expected = bursts.reduce((sum, size) => sum + Math.min(size, capacity), 0)
        assert.equal(sequences.length, expected)
      }),
      { numRuns: 50 },
    )
  })
})
