import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventHub } from '../../../src/runtime/events/event-hub.ts'
import type { LoggedEvent } from '../../../src/runtime/events/event-log.ts'
import { type EventSink, typeFilter } from '../../../src/runtime/events/event-subscriber.ts'
import { FakeClock } from '../../support/fake-clock.ts'

class FakeSink implements EventSink {
  readonly sent: string[] = []
  /** Whether it takes what it is sent; else it waits. */
  reads = true
  writableLength = 0
  destroyed = false
  ended = false

  write(text: string): boolean {
    this.sent.push(text)
    if (!this.reads) this.writableLength += text.length
    return this.reads
  }
  end(text: string): void {
    this.sent.push(text)
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
  }
}

function createHub(options: { maxSubscribers?: number; maxBufferedBytes?: number } = {}) {
  const clock = new FakeClock()
  const hub = new EventHub({
    clock,
    maxSubscribers: options.maxSubscribers ?? 2,
    maxBufferedBytes: options.maxBufferedBytes ?? 100,
    heartbeatMs: 1_000,
  })
  const join = (types?: string, samples = true) => {
    const sink = new FakeSink()
    const subscriber = hub.subscribe(sink, { accepts: typeFilter(types), samples })
    return { sink, subscriber }
  }
  return { hub, clock, join }
}

const event = (message: string, type: LoggedEvent['type'] = 'endpoint.status'): LoggedEvent => ({
  sequence: 1,
  type,
  message,
})

describe('the event hub', () => {
  it('sends each client the requested types', () => {
    const { hub, join } = createHub()
    const all = join()
    const some = join('breaker.*,lifecycle.phase', false)
    hub.event(event('a'))
    hub.event(event('b', 'breaker.transition'))
    hub.sample('{}')
    assert.deepEqual(all.sink.sent, ['a', 'b', 'event: sample\ndata: {}\n\n'])
    assert.deepEqual(some.sink.sent, ['b'])
  })

  it('disconnects and counts a client that does not read, and keeps the others', () => {
    const { hub, join } = createHub()
    const slow = join()
    const quick = join()
    slow.sink.reads = false
    hub.event(event('x'.repeat(100)))
    assert.equal(slow.sink.destroyed, false)
    hub.event(event('y'))
    assert.equal(slow.sink.destroyed, true)
    hub.event(event('z'))
    assert.equal(slow.sink.sent.length, 2)
    assert.equal(quick.sink.sent.length, 3)
    assert.deepEqual([hub.slow, hub.subscribers], [1, 1])
  })

  it('leaves samples out while a client is behind, and lets a replay be large', () => {
    const { hub, join } = createHub()
    const { sink, subscriber } = join()
    sink.reads = false
    subscriber.replay([event('r'.repeat(150)), event('s'.repeat(150))])
    assert.equal(sink.destroyed, false)
    hub.sample('{}')
    assert.deepEqual(
      sink.sent.map((text) => text.length),
      [300],
    )
    sink.writableLength = 0
    hub.sample('{}')
    assert.equal(sink.sent.length, 2)
  })

  it('limits clients, and counts refused ones', () => {
    const { hub, join } = createHub({ maxSubscribers: 1 })
    assert.equal(hub.admits(), true)
    const { subscriber } = join()
    assert.equal(hub.admits(), false)
    assert.equal(hub.refused, 1)
    hub.unsubscribe(subscriber)
    assert.equal(hub.admits(), true)
  })

  it('keeps connections alive with one timer, and none without clients', async () => {
    const { hub, clock, join } = createHub()
    assert.equal(clock.armed, 0)
    const { sink, subscriber } = join()
    join()
    assert.equal(clock.armed, 1)
    await clock.advance(2_000)
    assert.deepEqual(sink.sent, [': keep-alive\n\n', ': keep-alive\n\n'])
    hub.unsubscribe(subscriber)
    assert.equal(clock.armed, 1)
    hub.end('draining')
    assert.equal(clock.armed, 0)
  })

  it('sends a final event when it ends', () => {
    const { hub, join } = createHub()
    const { sink } = join()
    hub.end('draining')
    assert.deepEqual(sink.sent, ['event: bye\ndata: {"reason":"draining"}\n\n'])
    assert.deepEqual([sink.ended, hub.isOver, hub.subscribers], [true, true, 0])
  })
})

describe('a filter of types', () => {
  it('accepts lists and prefixes, and empty for all', () => {
    for (const all of [undefined, '', ' , ', 'a,*']) assert.equal(typeFilter(all), undefined)
    const filter = typeFilter('endpoint.*, lifecycle.phase')
    const types = [
      'endpoint.status',
      'endpoint.detected',
      'lifecycle.phase',
      'lifecycle',
      'breaker.transition',
    ]
    assert.deepEqual(
      types.map((type) => filter?.(type)),
      [true, true, true, false, false],
    )
  })
})
