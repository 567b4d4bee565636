import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { closeLingering, lingerOnClose } from '../../../src/http/connections/lingering-close.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'
import { listen } from '../server/support.ts'

const servers: ReadonlyArray<readonly [string, (clock: FakeClock, handler: RequestListener) => Server]> = [
  ['our server', (clock, handler) => new Http1Server({ clock }, handler)],
  [
    "Node's server",
    (clock, handler) => {
      const server = createServer(handler)
      server.on('connection', (socket) => lingerOnClose(socket, clock, () => server.listening))
      return server
    },
  ],
]

/** Refuses everything when its head has come. */
const refuse: RequestListener = (_request, response) => {
  response.writeHead(413, { connection: 'close', 'content-length': 3 }).end('big')
}

async function startRefusing(
  t: TestContext,
  create: (clock: FakeClock, handler: RequestListener) => Server,
  handler: RequestListener = refuse,
) {
  const clock = new FakeClock()
  const server = create(clock, handler)
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  const port = await listen(t, server)
  return { clock, server, sockets, port }
}

const head = (bytes: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`

/** A client that reads nothing before it has sent everything, as Python's does. @returns what it reads then */
async function sendThenRead(port: number, bytes: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  let text = ''
  let failure = ''
  socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? ''))
  socket.write(head(bytes))
  await new Promise((resolve) => socket.write(Buffer.alloc(bytes, 'x'), resolve))
  socket.setEncoding('latin1')
  socket.on('data', (part) => (text += part))
  socket.resume()
  await once(socket, 'close')
  return failure === '' ? text : failure
}

for (const [what, create] of servers) {
  describe(`an answer of ${what} before the request is whole`, () => {
    for (const bytes of [100_000, 3_000_000, 12_000_000]) {
      it(`is read by a client that first sends all of its ${bytes} bytes`, async (t) => {
        const { port } = await startRefusing(t, create)
        for (let round = 0; round < 5; round++)
          assert.match(await sendThenRead(port, bytes), /^HTTP\/1\.1 413 [\s\S]*big$/)
      })
    }

    it('ends the connection of a client that sends no more, and keeps it as long as it sends', async (t) => {
      const { clock, port, sockets } = await startRefusing(t, create)
      const client = connect(port, '127.0.0.1')
      client.on('error', () => {})
      client.write(head(1_000_000))
      await once(client, 'readable')
      const pass = async (ms: number) => {
        await clock.advance(ms)
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (let round = 0; round < 4; round++) {
        const seen = sockets[0]?.bytesRead ?? 0
        client.write('x'.repeat(1_000))
        await eventually(() => (sockets[0]?.bytesRead ?? 0) > seen)
        await pass(1_500)
        assert.equal(sockets[0]?.destroyed, false)
      }
      await pass(2_500)
      assert.equal(sockets[0]?.destroyed, true)
    })

    it('is the last of its connection: nothing that follows the request is served', async (t) => {
      let served = 0
      const { port } = await startRefusing(t, create, (request, response) => {
        served++
        refuse(request, response)
      })
      const client = connect(port, '127.0.0.1')
      client.on('error', () => {})
      client.write(head(200_000))
      client.resume()
      await once(client, 'data')
      client.write(`${'x'.repeat(200_000)}${head(0)}`)
      await once(client, 'close')
      assert.equal(served, 1)
    })
  })
}

describe('closeLingering', () => {
  async function connected(t: TestContext) {
    const server = createServer()
    server.removeAllListeners('connection')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const port = await listen(t, server)
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => {})
    const [socket] = await accepted
    t.after(() => {
      socket.destroy()
      client.destroy()
    })
    return { socket, client }
  }

  async function trickle(client: Socket, socket: Socket, clock: FakeClock, forMs: number): Promise<void> {
    for (let ms = 0; ms < forMs && !socket.destroyed; ms += 1_000) {
      const seen = socket.bytesRead
      client.write('x')
      await eventually(() => socket.bytesRead > seen || socket.destroyed)
      await clock.advance(1_000)
    }
  }

  it('ends the connection of a client that sends slowly forever', async (t) => {
    const { socket, client } = await connected(t)
    const clock = new FakeClock()
    closeLingering(socket, clock, () => true)
    await trickle(client, socket, clock, 29_000)
    assert.equal(socket.destroyed, false)
    await trickle(client, socket, clock, 3_000)
    assert.equal(socket.destroyed, true)
    assert.equal(clock.armed, 0)
  })

  it('waits a second if the server is closing', async (t) => {
    const { socket, client } = await connected(t)
    const clock = new FakeClock()
    let isOpen = true
    closeLingering(socket, clock, () => isOpen)
    await trickle(client, socket, clock, 3_000)
    assert.equal(socket.destroyed, false)
    isOpen = false
    await trickle(client, socket, clock, 1_000)
    assert.equal(socket.destroyed, true)
  })

  it('ends with its client', async (t) => {
    const { socket, client } = await connected(t)
    const clock = new FakeClock()
    closeLingering(socket, clock, () => true)
    client.end()
    await once(socket, 'close')
    assert.equal(clock.armed, 0)
  })
})
