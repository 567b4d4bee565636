import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { SlowHeads } from '../../../src/http/connections/slow-heads.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { listen } from '../server/support.ts'

const limits = { headersTimeout: 10_000, keepAliveTimeout: 600_000, requestTimeout: 600_000 }
const get = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const post = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n'

const kinds: Readonly<Record<string, (clock: FakeClock) => Server>> = {
  own: (clock) => new Http1Server({ ...limits, clock }, (_request, response) => void response.end('x')),
  node(clock) {
    const server = createServer(limits, (request, response) => {
      request.resume().on('end', () => response.end('x'))
    })
    const slowHeads = new SlowHeads(server, clock)
    server.on('connection', (socket) => slowHeads.add(socket))
    return server
  },
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
  return { client, send, answers }
}

for (const [kind, create] of Object.entries(kinds)) {
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
        await clock.advance(kind === 'own' ? 9_000 : 20_000)
        await send(byte)
      }
      await answers(3)
      assert.equal(client.readyState, 'open')
    })
  })
}
