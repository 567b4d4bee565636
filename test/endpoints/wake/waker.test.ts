import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { magicPacket } from '../../../src/endpoints/wake/magic-packet.ts'
import { WakeRequests } from '../../../src/endpoints/wake/wake-requests.ts'
import { Waker } from '../../../src/endpoints/wake/waker.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { createRegistry } from '../../support/registry.ts'

const mac = 'a0:B1:c2:d3:e4:f5'

describe('magicPacket', () => {
  for (const spelled of [mac, 'A0-B1-C2-D3-E4-F5', 'a0b1c2d3e4f5']) {
    it(`repeats ${spelled} sixteen times after six bytes of ones`, () => {
      const packet = magicPacket(spelled)
      assert.equal(packet.length, 102)
      assert.equal(packet.toString('hex'), `ffffffffffff${'a0b1c2d3e4f5'.repeat(16)}`)
    })
  }

  it('refuses anything else', () => {
    assert.throws(() => magicPacket('a0:b1'), RangeError)
  })
})

function setUp(failure?: Error) {
  const wake = { mac, address: '127.0.0.1', port: 9, waitMs: 20_000, intervalMs: 15_000 }
  const { clock, registry } = createRegistry([endpoint({ slot: 0, wake }), endpoint({ slot: 1 })])
  registry.setStatus(0, 'offline', 'test')
  registry.setStatus(1, 'offline', 'test')
  const sent: string[] = []
  const told: string[] = []
  let probes = 0
  const waker = new Waker({
    clock,
    registry,
    events: {
      publish(_type, data) {
        if ('state' in data) told.push(`${data.state} ${'reason' in data ? data.reason : ''}`)
      },
    },
    async send(packet, port, address) {
      if (failure !== undefined) throw failure
      sent.push(`${packet.length} bytes to ${address}:${port}`)
    },
    async probe() {
      probes++
    },
  })
  return { clock, registry, waker, sent, told, probes: () => probes }
}

describe('Waker', () => {
  it('sends one packet per interval, however many ask, and probes until the endpoint is up', async () => {
    const { clock, registry, waker, sent, told, probes } = setUp()
    for (let request = 0; request < 50; request++) waker.wake(0)
    await clock.advance(10_000)
    waker.wake(0)
    assert.deepEqual(sent, ['102 bytes to 127.0.0.1:9'])
    assert.equal(probes(), 10)
    await clock.advance(5_000)
    waker.wake(0)
    assert.equal(sent.length, 2)
    registry.setStatus(0, 'healthy', 'test')
    await clock.advance(1_000)
    assert.deepEqual(told, ['sent undefined', 'sent undefined', 'awake after 16 s'])
    assert.equal(clock.armed, 0)
    // It goes down again at once: the interval holds.
    registry.setStatus(0, 'offline', 'test')
    waker.wake(0)
    assert.equal(sent.length, 2)
  })

  it('gives up after the time that a request waits', async () => {
    const { clock, waker, told } = setUp()
    waker.wake(0)
    await clock.advance(21_000)
    assert.deepEqual(told, ['sent undefined', 'no_answer not within 20 s'])
    assert.equal(clock.armed, 0)
  })

  it('reports a packet that could not be sent', async () => {
    const { waker, told, clock } = setUp(Object.assign(new Error('secret'), { code: 'ENETUNREACH' }))
    waker.wake(0)
    await clock.advance(0)
    assert.deepEqual(told, ['failed ENETUNREACH'])
    waker.stop()
    assert.equal(clock.armed, 0)
  })

  it('wakes no endpoint without an address, none that is up, and none out of service', async () => {
    const { clock, registry, waker, sent } = setUp()
    waker.wake(1)
    waker.wake(7)
    registry.setService(0, 'drained', 'test')
    waker.wake(0)
    registry.setService(0, 'serving', 'test')
    registry.setStatus(0, 'healthy', 'test')
    waker.wake(0)
    await clock.advance(1_000)
    assert.deepEqual(sent, [])
  })
})

describe('WakeRequests', () => {
  it('asks the control thread once a second for each endpoint', async () => {
    const clock = new FakeClock()
    const asked: unknown[] = []
    const requests = new WakeRequests(clock, { sendToControl: (_topic, slot) => void asked.push(slot) })
    for (let at = 0; at < 3; at++) for (const slot of [0, 4]) requests.wake(slot)
    await clock.advance(1_000)
    requests.wake(4)
    assert.deepEqual(asked, [0, 4, 4])
  })
})
