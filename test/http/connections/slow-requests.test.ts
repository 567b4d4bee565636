import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { SlowRequests } from '../../../src/http/connections/slow-requests.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { listen } from '../server/support.ts'

const limits = { headersTimeout: 10_000, keepAliveTimeout: 600_000, requestTimeout: 0 }
const bodyMs = 20_000
const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const post = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n'

const kinds: Readonly<Record<string, (clock: FakeClock) => Server>> = {
  own(clock) {
    const server = new Http1Server({ ...limits, clock }, answer)
    server.bodyMs = bodyMs
    return server
  },
  node(clock) {
    const server = createServer(limits, answer)
    const slowRequests = new SlowRequests(server, { clock, bodyMs: () => bodyMs })
    server.on('connection', (socket) => slowRequests.add(socket))
    return server
  },
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/early') response.end('x')
  else if (request.url !== '/unread') request.resume().on('end', () => response.end('x'))
}

async function open(t: TestContext, server: Server) {
  const accepted = once(server, 'connection')
  const client = connect(await listen(t, server), '127.0.0.1')
  client.on('error', () => {})
  t.after(() => client.destroy())
  const [[socket]] = (await Promise.all([accepted, once(client, 'connect')])) as [[Socket], unknown]
  let text = ''
  client.on('data', (part: Buffer) => (text += part.toString('latin1')))
  /** Sends, once the server has read it. */
  const send = async (bytes: string) => {
    const wanted = socket.bytesRead + bytes.length
    client.write(bytes)
    while (socket.bytesRead < wanted) await new Promise((resolve) => setImmediate(resolve))
  }
  const answers = async (count: number) => {
    while (text.split('HTTP/1.1 200').length <= count) await once(client, 'data')
  }
  /** Resolves once the server reads no more. */
  const paused = async () => {
    while (!socket.isPaused()) await new Promise((resolve) => setImmediate(resolve))
  }
  return { client, send, answers, paused }
}

for (const [kind, create] of Object.entries(kinds)) {
  describe(`slow bodies to the ${kind} server`, () => {
    const pieceBytes = 20_000
    const framings: Readonly<Record<string, readonly [head: string, piece: (bytes: number) => string]>> = {
      announced: ['Content-Length: 1000000\r\n', (bytes) => 'x'.repeat(bytes)],
      chunked: [
        'Transfer-Encoding: chunked\r\n',
        (bytes) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`,
      ],
    }

    /** Sends a piece of a body every few seconds. @returns the seconds after which the server gave up; 0 for never */
    async function upload(
      t: TestContext,
      path: string,
      [head, piece]: readonly [string, (bytes: number) => string],
      bytes: number,
      pieces: number,
    ): Promise<number> {
      const clock = new FakeClock()
      const server = create(clock)
      let endedAt = 0
      let seconds = 0
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        assert.equal(error.code, 'ERR_HTTP_REQUEST_TIMEOUT')
        endedAt ||= seconds
        socket.destroy()
      })
      const { send, client, paused } = await open(t, server)
      await send(`POST ${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n`)
      await clock.advance(0)
      for (let count = 0; count < pieces && endedAt === 0; count++) {
        if (path === '/unread') {
          client.write(piece(bytes))
          await paused()
        } else if (bytes > 0) await send(piece(bytes))
        for (let second = 0; second < 8; second++) {
          seconds++
          await clock.advance(1_000)
        }
      }
      return endedAt
    }

    const limitSeconds = [20, 21, 22]

    for (const [name, framing] of Object.entries(framings)) {
      it(`may take any time while they advance, ${name}`, async (t) => {
        assert.equal(await upload(t, '/', framing, pieceBytes, 40), 0)
      })

      it(`end after the limit if they trickle, ${name}`, async (t) => {
        assert.ok(limitSeconds.includes(await upload(t, '/', framing, 100, 40)))
      })

      it(`end if they stop, ${name}`, async (t) => {
        assert.ok([...limitSeconds, 40, 41, 42, 43].includes(await upload(t, '/', framing, 0, 40)))
      })

      it(`end after the limit once the request is answered, ${name}`, async (t) => {
        assert.ok(limitSeconds.includes(await upload(t, '/early', framing, pieceBytes, 40)))
      })

      it(`do not end while the server does not read them, ${name}`, async (t) => {
        assert.equal(await upload(t, '/unread', framing, 200_000, 5), 0)
      })
    }
  })

  describe(`slow heads to the ${kind} server`, () => {
    /** Sends a piece each second. @returns the seconds after which the server gave up */
    async function drip(t: TestContext, prepare: readonly string[], piece: string): Promise<number> {
      const clock = new FakeClock()
      const server = create(clock)
      let endedAt = 0
      let seconds = 0
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        assert.equal(error.code, 'ERR_HTTP_REQUEST_TIMEOUT')
        endedAt ||= seconds
        socket.destroy()
      })
      const { client, send, answers } = await open(t, server)
      for (const [at, request] of prepare.entries()) {
        await send(request)
        await answers(at + 1)
      }
      while (endedAt === 0 && !client.destroyed && seconds < 30) {
        await send(piece)
        seconds++
        await clock.advance(1_000)
      }
      return endedAt
    }

    for (const [what, prepare, piece] of [
      ['empty lines', [], '\r\n'],
      ['empty lines behind an answer', [get], '\r\n'],
      ['line feeds behind two answers', [get, get], '\n'],
      ['empty lines behind an answer to a body', [`${post}abc`], '\r\n'],
    ] as const) {
      it(`end the connection after the time for one: ${what}`, async (t) => {
        assert.ok([10, 11].includes(await drip(t, prepare, piece)))
      })
    }

    it('have the time from the start of the connection', async (t) => {
      const clock = new FakeClock()
      const server = create(clock)
      const told = once(server, 'clientError')
      const { send } = await open(t, server)
      await clock.advance(kind === 'own' ? 8_000 : 0)
      await send('\r\n')
      await clock.advance(kind === 'own' ? 2_000 : 10_000)
      const [error, socket] = (await told) as [NodeJS.ErrnoException, Socket]
      assert.equal(error.code, 'ERR_HTTP_REQUEST_TIMEOUT')
      socket.destroy()
    })

    it('do not include an idle connection or a slow body', async (t) => {
      const clock = new FakeClock()
      const server = create(clock)
      server.on('clientError', (error: NodeJS.ErrnoException) => assert.fail(error.code))
      const { client, send, answers } = await open(t, server)
      await send(`${get}${get}`)
      await answers(2)
      await clock.advance(60_000)
      assert.equal(client.readyState, 'open')
      await send(post)
      for (const byte of 'abc') {
        await clock.advance(6_000)
        await send(byte)
      }
      await answers(3)
      assert.equal(client.readyState, 'open')
    })
  })
}
