import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import healthChecker from '../../plugins/endpoints/health-checker.ts'
import proxyEngine from '../../plugins/proxy/proxy-engine.ts'
import events from '../../plugins/runtime/events.ts'
import lifecycle from '../../plugins/runtime/lifecycle.ts'
import { Http1Server } from '../../src/http/server/server.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { DrainResult } from '../../src/runtime/lifecycle/drain.ts'
import { chatBody, openSocket, postChat, startGateway } from '../support/gateway.ts'
import { rawPost } from '../support/raw-client.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

describe('start', () => {
  it('names the missing plugin that another one depends on', async () => {
    const app = Fastify()
    await assert.rejects(async () => {
      await app.register(healthChecker)
      await app.ready()
    }, /gateway-events' of plugin 'gateway-health-checker' is not registered/)
    const other = Fastify()
    await assert.rejects(async () => {
      await other.register(events)
      await other.register(proxyEngine)
      await other.ready()
    }, /gateway-proxy-engine/)
  })

  it('does not wait for endpoints', async (t) => {
    const dead = await startRawUpstream(t, () => {})
    await dead.stop()
    const gateway = await startGateway(t, [{ url: dead.url }], {}, { awaitRoutable: 0 })
    assert.equal((await fetch(`${gateway.url}/internal/health`)).status, 200)
    const ready = await fetch(`${gateway.url}/internal/ready`)
    assert.equal(ready.status, 503)
    assert.equal((await postChat(gateway.url)).status, 503)
  })
})

describe('shutdown', () => {
  it('lets streams finish, refuses new connections and reports a clean drain', async (t) => {
    let finish: (() => void) | undefined
    const upstream = await startRawUpstream(t, ({ socket }) => {
      socket.write(sseHead + chunk('data: 1\n\n'))
      finish = () => void socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
    })
    const gateway = await startGateway(t, [{ url: upstream.url }])
    const response = await postChat(gateway.url, { stream: true })
    const closing = gateway.close()
    await eventually(async () => {
      try {
        ;(await openSocket(gateway.port)).destroy()
        return false
      } catch {
        return true
      }
    })
    finish?.()
    assert.equal(await response.text(), 'data: 1\n\ndata: [DONE]\n\n')
    await closing
    assert.deepEqual(gateway.drained(), { drained: 1, cut: 0 })
  })

  it('cuts requests visibly at the limit', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const gateway = await startGateway(t, [{ url: upstream.url }], { server: { shutdown_timeout: '100ms' } })
    const response = await postChat(gateway.url, { stream: true })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    assert.equal((await reader?.read())?.value, 'data: 1\n\n')
    const closing = gateway.close()
    let rest = ''
    await assert.rejects(async () => {
      for (;;) {
        const read = await reader?.read()
        if (read === undefined || read.done) return
        rest += read.value
      }
    })
    assert.match(rest, /"code":"draining"/)
    await closing
    assert.deepEqual(gateway.drained(), { drained: 1, cut: 1 })
    await eventually(() => upstream.sockets.size === 0)
  })

  it('cuts visibly also requests whose body arrives during the stop', async (t) => {
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    )
    const gateway = await startGateway(t, [{ url: upstream.url }], { server: { shutdown_timeout: '2s' } })
    const client = await openSocket(gateway.port)
    let text = ''
    client.on('data', (data) => {
      text += data
    })
    const request = rawPost('/v1/chat/completions', chatBody({ stream: true }), 'Expect: 100-continue')
    client.write(request.slice(0, -1))
    await eventually(() => text.includes('100 Continue'))
    const ended = once(client, 'close')
    const closing = gateway.close()
    await eventually(async () => {
      try {
        ;(await openSocket(gateway.port)).destroy()
        return false
      } catch {
        return true
      }
    })
    client.write(request.slice(-1))
    await ended
    assert.match(text, /data: 1\n\n/)
    assert.match(text, /"code":"draining"/)
    await closing
    assert.deepEqual(gateway.drained(), { drained: 1, cut: 1 })
  })

  it('is not ready once the drain begins', async (t) => {
    const upstream = await startRawUpstream(t, () => {})
    const gateway = await startGateway(t, [{ url: upstream.url }], { server: { shutdown_delay: '1s' } })
    const keepAlive = await openSocket(gateway.port)
    assert.equal((await fetch(`${gateway.url}/internal/ready`)).status, 200)
    const closing = gateway.close()
    // During the delay the port is still open, so that a load balancer can read the answer.
    const answer = await fetch(`${gateway.url}/internal/ready`)
    assert.equal(answer.status, 503)
    keepAlive.destroy()
    await closing
  })

  it('stops plugins in reverse order of their start', async () => {
    const order: string[] = []
    const app = Fastify()
    for (const name of ['first', 'second', 'third']) {
      await app.register(async (scope) => {
        scope.addHook('onReady', async () => void order.push(`start ${name}`))
        scope.addHook('onClose', async () => void order.push(`stop ${name}`))
      })
    }
    await app.ready()
    await app.close()
    assert.deepEqual(order, [
      'start first',
      'start second',
      'start third',
      'stop third',
      'stop second',
      'stop first',
    ])
  })

  it('does not wait for a connection without requests', { timeout: 10_000 }, async () => {
    const app = Fastify()
    await app.register(events)
    await app.register(lifecycle)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const isConnected = once(app.server, 'connection')
    const address = app.server.address()
    const socket = await openSocket(typeof address === 'object' && address !== null ? address.port : 0)
    await isConnected
    const isClosed = once(socket, 'close')
    await app.close()
    await isClosed
  })

  it('does not wait for a client that leaves its answer unread', { timeout: 10_000 }, async (t) => {
    const app = Fastify({ serverFactory: (handler) => new Http1Server({ clock: systemClock }, handler) })
    await app.register(events)
    let result: DrainResult | undefined
    await app.register(lifecycle, {
      server: { shutdown_timeout: 200 },
      onDrained: (drained) => {
        result = drained
      },
    })
    // More than the system takes for it.
    app.get('/', () => Buffer.alloc(64 * 1024 * 1024))
    await app.listen({ host: '127.0.0.1', port: 0 })
    const connected = once(app.server, 'connection')
    const address = app.server.address()
    const client = await openSocket(typeof address === 'object' && address !== null ? address.port : 0)
    t.after(() => client.destroy())
    client.pause()
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const [socket] = (await connected) as [Socket]
    await eventually(() => socket.writableLength > 0)
    await app.close()
    assert.equal(socket.destroyed, true)
    assert.deepEqual(result, { drained: 1, cut: 1 })
  })
})
