import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import peers from '../../../plugins/runtime/peers.ts'
import { LocalLink } from '../../../src/runtime/links/local-link.ts'
import type { Topic } from '../../../src/runtime/links/peer-link.ts'

const double: Topic<number, number> = 'double'

describe('the link of a gateway with one thread', () => {
  it('answers itself', async () => {
    const link = new LocalLink(assert.fail)
    link.on(double, (value, from) => value * 2 + from)
    assert.deepEqual(await link.requestAll(double, 21), [42])
    assert.equal(await link.requestControl(double, 4), 8)
    assert.deepEqual([link.thread, link.threads, link.isControl], [0, 1, true])
  })

  it('does not receive its own broadcasts, but its messages to control', async () => {
    const link = new LocalLink(assert.fail)
    const heard: number[] = []
    const note: Topic<number> = 'note'
    link.on(note, (value) => void heard.push(value))
    link.broadcast(note, 1)
    link.sendToControl(note, 2)
    await new Promise(setImmediate)
    assert.deepEqual(heard, [2])
  })

  it('leaves out missing answers, and reports a handler that fails', async () => {
    const failures: string[] = []
    const link = new LocalLink((error, topic) => failures.push(`${topic}: ${String(error)}`))
    assert.deepEqual(await link.requestAll('nothing', 1), [])
    const end = link.on('broken', () => {
      throw new Error('no')
    })
    assert.deepEqual(await link.requestAll('broken', 1), [])
    assert.equal(await link.requestControl('broken', 1), undefined)
    assert.deepEqual(failures, ['broken: Error: no', 'broken: Error: no'])
    end()
    assert.deepEqual(await link.requestAll('broken', 1), [])
    assert.equal(failures.length, 2)
  })

  it('accepts one handler per topic', () => {
    const link = new LocalLink(assert.fail)
    const end = link.on(double, (value) => value)
    assert.throws(() => link.on(double, (value) => value), /double already has a handler/)
    end()
    link.on(double, (value) => value)
  })
})

describe('the peers plugin', () => {
  it('decorates a link that answers itself, or the one that it is given', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(peers)
    app.gatewayPeers.on(double, (value) => value * 2)
    assert.deepEqual(await app.gatewayPeers.requestAll(double, 2), [4])

    const other = Fastify()
    t.after(() => other.close())
    const link = new LocalLink(assert.fail)
    await other.register(peers, { link })
    assert.equal(other.gatewayPeers, link)
  })
})
