import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { EventBus } from '../../../src/runtime/events/bus.ts'
import type { GatewayEvent } from '../../../src/runtime/events/events.ts'
import { LocalLink } from '../../../src/runtime/links/local-link.ts'
import type { PeerLink } from '../../../src/runtime/links/peer-link.ts'
import { relayEvents } from '../../../src/runtime/threads/event-relay.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { connectLinks } from '../../support/links.ts'
import { eventually } from '../../support/simulator.ts'

function listen(link: PeerLink) {
  const bus = new EventBus(new FakeClock(), (error) => {
    throw error
  })
  const end = relayEvents(bus, link)
  const heard: GatewayEvent[] = []
  bus.subscribe((event) => heard.push(event), { capacity: 10_000 })
  const publish = (name: string) =>
    bus.publish('endpoint.detected', { endpoint: name, profile: `thread ${link.thread}` })
  return { bus, heard, publish, end }
}

function connected(t: TestContext) {
  const { control, first, second } = connectLinks(t, 2)
  return { control: listen(control), first: listen(first), second: listen(second) }
}

describe('the event buses of several threads', () => {
  it('are one: every subscriber receives every event once, numbered and in one order', async (t) => {
    const threads = connected(t)
    threads.control.publish('a')
    threads.first.publish('b')
    threads.second.publish('c')
    threads.first.publish('d')
    const all = Object.values(threads)
    await eventually(() => all.every(({ heard }) => heard.length === 4))
    await new Promise(setImmediate)
    for (const { heard, bus } of all) {
      assert.deepEqual(heard, threads.control.heard)
      assert.equal(bus.published, 4)
    }
    const { heard } = threads.control
    assert.deepEqual(
      heard.map(({ sequence }) => sequence),
      [1, 2, 3, 4],
    )
    const of = (profile: string) =>
      heard.flatMap(({ data }) => ('profile' in data && data.profile === profile ? data.endpoint : []))
    assert.deepEqual([of('thread -1'), of('thread 0'), of('thread 1')], [['a'], ['b', 'd'], ['c']])
  })

  it('drop and count events that a thread cannot send', async (t) => {
    const threads = connected(t)
    for (let event = 0; event < 1_200; event++) threads.first.publish(String(event))
    assert.equal(threads.first.bus.dropped, 200)
    await eventually(() => threads.second.heard.length === 1_000)
    await eventually(() => threads.first.heard.length === 1_000)
    // What has come back makes room.
    threads.first.publish('again')
    assert.equal(threads.first.bus.dropped, 200)
    await eventually(() => threads.second.heard.length === 1_001)
  })

  it('continue alone after the relay has ended and flushed', async (t) => {
    const threads = connected(t)
    threads.first.publish('last')
    threads.first.end()
    await eventually(() => threads.second.heard.length === 1)
    threads.first.publish('alone')
    await eventually(() => threads.first.heard.length === 1)
    assert.equal(threads.second.heard.length, 1)
  })

  it('have nothing to relay with one thread', async () => {
    const { publish, heard } = listen(new LocalLink(assert.fail))
    publish('a')
    await eventually(() => heard.length === 1)
    assert.equal(heard[0]?.sequence, 1)
  })
})
