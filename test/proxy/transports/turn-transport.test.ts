import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { TurnQueue } from '../../../src/kernel/turn-queue.ts'
import { TurnTransport } from '../../../src/proxy/transports/turn-transport.ts'
import { createExchanges } from '../../support/exchange.ts'

describe('TurnQueue', () => {
  it('runs queued tasks in order at the end of the turn, and those that they add at the end of the next', async () => {
    const done: string[] = []
    const queue = new TurnQueue<string>((item) => {
      done.push(item)
      if (item === 'a') queue.push('c')
    })
    queue.push('a')
    queue.push('b')
    await Promise.resolve()
    assert.deepEqual(done, [])
    await turn()
    assert.deepEqual(done, ['a', 'b'])
    await turn()
    assert.deepEqual(done, ['a', 'b', 'c'])
  })
})

describe('TurnTransport', () => {
  it('sends at the end of the turn', async (t) => {
    const { services, sent, begin } = createExchanges(t, [{}])
    const { transport } = services
    await begin({}, { ...services, transport: new TurnTransport(transport) })
    await turn()
    assert.equal(sent.length, 1)
  })

  it('sends nothing for a client that disconnected in the same turn, and releases its upload', async (t) => {
    const { services, sent, begin } = createExchanges(t, [{}])
    const { exchange } = await begin()
    const [first] = sent
    assert.ok(first !== undefined)
    const body = Readable.from(['x'])
    const late = new TurnTransport(services.transport)
    late.send(first.attempt, { ...first.request, body })
    exchange.cut()
    await turn()
    assert.equal(sent.length, 1)
    assert.equal(body.destroyed, true)
  })

  it('reports exceptions of the transport to the attempt', async (t) => {
    const { services, begin } = createExchanges(t, [{}])
    const refusing = {
      send() {
        throw new TypeError('cannot be written')
      },
    }
    const transport = new TurnTransport(refusing)
    const { failed } = await begin({}, { ...services, transport })
    await turn()
    assert.equal(failed[0]?.code, 'upstream_failed')
  })
})
