import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { OutgoingResponse } from '../../../src/http/server/outgoing-response.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { untakenBytes } from '../../../src/http/server/untaken-bytes.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { listen } from './support.ts'

const limits = { headersTimeout: 60_000, keepAliveTimeout: 5_000, stallMs: 30_000 }
const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const half = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabcde'

/** A client of a server whose time stands still, once the server knows it. */
async function start(t: TestContext, handler: RequestListener) {
  const clock = new FakeClock()
  const server = new Http1Server({ ...limits, clock }, handler)
  server.bodyMs = 20_000
  const port = await listen(t, server)
  const client = await open(t, server, port)
  return { clock, server, port, client }
}

async function open(t: TestContext, server: Http1Server, port: number): Promise<Socket> {
  const accepted = once(server, 'connection')
  const client = connect(port, '127.0.0.1')
  client.on('error', () => {})
  t.after(() => client.destroy())
  await Promise.all([once(client, 'connect'), accepted])
  return client
}

/** Whether the connection has ended, now that the server has done what was due. */
async function ends(client: Socket): Promise<void> {
  client.resume()
  if (!client.closed) await once(client, 'close')
}

/** Has the client read until the server sees it. */
async function takeSome(client: Socket, socket: Socket): Promise<void> {
  const before = untakenBytes(socket)
  client.resume()
  while (untakenBytes(socket) === before) await once(client, 'data')
  client.pause()
}

describe('time limits of a connection', () => {
  it('end an idle connection', async (t) => {
    const { clock, client } = await start(t, () => {})
    await clock.advance(59_000)
    assert.equal(client.readyState, 'open')
    await clock.advance(1_000)
    await ends(client)
  })

  it('end an idle one a second after the announced time, restarted by each request', async (t) => {
    const { clock, client } = await start(t, (_request, response) => void response.end('x'))
    for (let request = 0; request < 3; request++) {
      client.write(get)
      const [answer] = (await once(client, 'data')) as [Buffer]
      assert.match(answer.toString('latin1'), /Keep-Alive: timeout=5\r\n/)
      await clock.advance(5_000)
      assert.equal(client.readyState, 'open')
    }
    await clock.advance(1_000)
    await ends(client)
  })

  it('do not limit an answer', async (t) => {
    let finish = () => {}
    const { clock, client, server } = await start(t, (_request, response) => {
      finish = () => void response.end('late')
    })
    const asked = once(server, 'request')
    client.write(get)
    await asked
    await clock.advance(3_600_000)
    finish()
    const [answer] = (await once(client, 'data')) as [Buffer]
    assert.match(answer.toString('latin1'), /late/)
  })

  it('report a body that does not arrive, as Node does', async (t) => {
    const { clock, client, server } = await start(t, (request) => void request.resume())
    const asked = once(server, 'request')
    client.write(half)
    await asked
    const told = once(server, 'clientError')
    await clock.advance(21_000)
    const [error, socket] = (await told) as [NodeJS.ErrnoException, Socket]
    assert.equal(error.code, 'ERR_HTTP_REQUEST_TIMEOUT')
    socket.destroy()
    await ends(client)
  })

  describe('of a finished answer', () => {
    // More than the system takes for a client.
    const long = Buffer.alloc(32 * 1024 * 1024)
    const ways: Readonly<Record<string, (response: ServerResponse) => void>> = {
      'by our own way': (response) => {
        assert.ok(response instanceof OutgoingResponse)
        response.begin(200, ['Content-Length', String(long.length)])
        response.finish([long], long.length)
      },
      'by Node’s': (response) => void response.end(long),
    }
    const brokenOff = (response: ServerResponse) => {
      assert.ok(response instanceof OutgoingResponse)
      response.begin(200, [])
      response.breakOff(long, () => response.destroy())
    }

    /** A client that reads nothing of its answer, and what the server has of it. */
    async function ask(t: TestContext, answer: (response: ServerResponse) => void) {
      const started = await start(t, (_request, response) => answer(response))
      const { client, server } = started
      const asked = once(server, 'request')
      client.write(get)
      const [, response] = (await asked) as [unknown, ServerResponse]
      return { ...started, response, socket: response.socket ?? assert.fail() }
    }

    for (const [way, answer] of Object.entries({ ...ways, 'though it broke off': brokenOff })) {
      it(`end if the client does not read the rest, ${way}`, async (t) => {
        const { clock, client, response, socket } = await ask(t, answer)
        await clock.advance(30_000)
        assert.deepEqual([response.writableEnded, response.writableFinished], [true, false])
        assert.equal(socket.destroyed, false)
        await clock.advance(1_000)
        assert.equal(socket.destroyed, true)
        await ends(client)
      })
    }

    it('restart with all bytes that the client reads of one write', async (t) => {
      const { clock, client, response, socket } = await ask(t, (each) => void each.end(long))
      const { writableLength } = socket
      for (let look = 0; look < 5; look++) {
        await clock.advance(29_000)
        await takeSome(client, socket)
        assert.equal(socket.writableLength, writableLength)
      }
      const finished = once(response, 'finish')
      client.resume()
      await finished
      // From here on it is idle.
      await clock.advance(5_000)
      assert.equal(socket.destroyed, false)
      await clock.advance(1_000)
      assert.equal(socket.destroyed, true)
      await ends(client)
    })
  })

  it('check nothing without a connection', async (t) => {
    const { clock, client, server } = await start(t, () => {})
    assert.equal(clock.armed, 1)
    client.destroy()
    await new Promise((resolve) => server.getConnections(resolve))
    for (let tick = 0; tick < 100 && clock.armed > 0; tick++) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(1_000)
    }
    assert.equal(clock.armed, 0)
  })
})

describe('closing', () => {
  it('ends idle connections, used or not, and lets a request finish', async (t) => {
    let finish = () => {}
    const { client, server, port } = await start(t, ({ url }, response) => {
      if (url === '/a') response.end('x')
      else finish = () => void response.end('last')
    })
    const used = await open(t, server, port)
    used.write(get)
    await once(used, 'data')
    const busy = await open(t, server, port)
    const asked = once(server, 'request')
    busy.write(get.replace('/a', '/slow'))
    await asked
    const closed = new Promise((resolve) => server.close(resolve))
    await Promise.all([ends(client), ends(used)])
    assert.equal(busy.readyState, 'open')
    finish()
    const [answer] = (await once(busy, 'data')) as [Buffer]
    assert.match(answer.toString('latin1'), /last$/)
    await ends(busy)
    await closed
  })

  it('ends all connections on request', async (t) => {
    const { client, server } = await start(t, () => {})
    const asked = once(server, 'request')
    client.write(get)
    await asked
    server.closeAllConnections()
    await ends(client)
  })
})
