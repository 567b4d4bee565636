import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server, ServerOptions } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { type OllaHttpServerOptions, ollaHttpServer } from '../../../src/http/server/factory.ts'
import { IncomingRequest } from '../../../src/http/server/incoming-request.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'
import { exchange } from './support.ts'

interface Host {
  readonly app: FastifyInstance
  readonly port: number
  /** Of each request, whether our own reader has read it. */
  readonly own: boolean[]
}

async function hostWith(
  t: TestContext,
  options: OllaHttpServerOptions = {},
  fastify: FastifyHttpOptions<Server> = {},
): Promise<Host> {
  const app = Fastify({ ...fastify, serverFactory: ollaHttpServer(options) })
  const own: boolean[] = []
  app.addHook('onRequest', (request, _reply, next) => {
    own.push(request.raw instanceof IncomingRequest)
    next()
  })
  app.get('/', () => 'hello')
  app.post('/', ({ body }) => body)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, port, own }
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const getLast = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

async function opened(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

describe('ollaHttpServer', () => {
  it("serves a host's own routes, plain requests by its own reader", async (t) => {
    const { port, own } = await hostWith(t)
    assert.match(await exchange(port, (socket) => socket.write(getLast)), /^HTTP\/1\.1 200 OK\r\n.*hello$/s)
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x'.repeat(500_000) }),
    })
    assert.equal((await response.text()).length, 500_011)
    assert.deepEqual(own, [true, true])
  })

  it('takes its defaults from Fastify after its own options', async (t) => {
    const fastify = { keepAliveTimeout: 7_000, requestTimeout: 9_000, connectionTimeout: 11_000 }
    const { app } = await hostWith(t, {}, fastify)
    assert.ok(app.server instanceof Http1Server)
    const { keepAliveTimeout, bodyMs, timeout, headersTimeout } = app.server
    assert.deepEqual([keepAliveTimeout, bodyMs, timeout, headersTimeout], [7_000, 9_000, 11_000, 60_000])

    const own = { keepAliveTimeoutMs: 1_000, requestTimeoutMs: 2_000, headersTimeoutMs: 3_000 }
    const { server } = (await hostWith(t, own, fastify)).app
    assert.ok(server instanceof Http1Server)
    assert.deepEqual([server.keepAliveTimeout, server.bodyMs, server.headersTimeout], [1_000, 2_000, 3_000])
  })

  it('listens on both addresses of localhost', async (t) => {
    const app = Fastify({ serverFactory: ollaHttpServer() })
    app.get('/', () => 'hello')
    t.after(() => app.close())
    await app.listen({ host: 'localhost', port: 0 })
    for (const { address, family, port } of app.addresses().filter((each) => typeof each === 'object')) {
      const host = family === 'IPv6' ? `[${address}]` : address
      assert.equal(await (await fetch(`http://${host}:${port}/`)).text(), 'hello')
    }
  })

  it('rejects an app that requires TLS or HTTP/2', () => {
    const create = ollaHttpServer()
    for (const option of [{ https: {} }, { https: true }, { http2: true }])
      assert.throws(() => create(() => {}, option), /without TLS/)
    create(() => {}, { https: null, http2: false }).close()
  })

  const forNode: readonly ServerOptions[] = [{ joinDuplicateHeaders: true }, { uniqueHeaders: ['x-once'] }]
  for (const http of forNode)
    it(`leaves all requests to Node with ${Object.keys(http)}`, async (t) => {
      const { port, own } = await hostWith(t, {}, { http })
      assert.match(await exchange(port, (socket) => socket.write(getLast)), /hello$/)
      assert.deepEqual(own, [false])
    })

  it('counts the requests of a connection as Node does, if Fastify limits them', async (t) => {
    const { port, own } = await hostWith(t, {}, { maxRequestsPerSocket: 1 })
    const socket = await opened(t, port)
    socket.write(get)
    assert.match(String((await once(socket, 'data'))[0]), /Connection: close/)
    socket.write(get)
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 503 /)
    assert.deepEqual(own, [false])
  })

  it('hands upgrades to the host', async (t) => {
    const { app, port } = await hostWith(t)
    app.server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
    })
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n'
    assert.match(await exchange(port, (socket) => socket.write(upgrade)), /^HTTP\/1\.1 101 /)
  })

  it('pauses accepting at `maxConnections`', async (t) => {
    const { port } = await hostWith(t, { maxConnections: 1 })
    const first = await opened(t, port)
    first.write(get)
    await once(first, 'data')
    const second = await opened(t, port)
    const answer = once(second, 'data')
    second.write(get)
    first.destroy()
    assert.match(String(await answer), /hello/)
  })

  describe('with time limits', () => {
    it("ends a request that misses the host's time limit", async (t) => {
      const clock = new FakeClock()
      const { port, own } = await hostWith(t, { requestTimeoutMs: 2_000, clock })
      const text = exchange(port, (socket) =>
        socket.write(
          'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf',
        ),
      )
      await eventually(() => own.length === 1)
      await clock.advance(3_000)
      assert.match(await text, /^HTTP\/1\.1 408 /)
    })

    it("ends a silent connection after Fastify's connectionTimeout", async (t) => {
      const { port } = await hostWith(t, {}, { connectionTimeout: 50 })
      assert.equal(await exchange(port, () => {}), '')
    })

    it("emits a response's own timeout once", async (t) => {
      const { app, port } = await hostWith(t)
      let timeouts = 0
      app.server.removeAllListeners('request')
      app.server.on('request', (_request, response) => {
        response.setTimeout(30, () => {
          timeouts++
          response.end('late')
        })
      })
      const socket = await opened(t, port)
      socket.write(get)
      assert.match(String(await once(socket, 'data')), /late/)
      socket.write(get)
      await once(socket, 'data')
      assert.equal(timeouts, 2)
      assert.equal(socket.destroyed, false)
    })
  })

  describe('when the host closes', () => {
    it('lets a request finish, ends its connection and idle ones', async (t) => {
      const { app, port } = await hostWith(t)
      const idle = await opened(t, port)
      idle.write(get)
      await once(idle, 'data')
      const released = Promise.withResolvers<void>()
      const begun = Promise.withResolvers<void>()
      app.server.removeAllListeners('request')
      app.server.on('request', (_request, response) => {
        begun.resolve()
        void released.promise.then(() => response.end('late'))
      })
      const busy = exchange(port, (socket) => socket.write(get))
      await begun.promise
      const idleEnds = once(idle, 'close')
      const closed = app.close()
      await idleEnds
      released.resolve()
      assert.match(await busy, /late/)
      await closed
    })
  })
})
