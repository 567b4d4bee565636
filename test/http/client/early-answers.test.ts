import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import type { ClientPool } from '../../../src/http/client/contract.ts'
import { type HttpClient, httpClients } from '../../../src/http/client/contract.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { poolOf } from './pools.ts'
import { ask, failureOf, get } from './server.ts'

const refusal =
  'HTTP/1.1 413 Payload Too Large\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"error":"big"}'
const withoutLength = 'HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n{"error":"big"}'

/** Ways in which a server refuses a request whose body it does not want to read. */
const closings: Readonly<Record<string, (socket: Socket, text: string) => void>> = {
  'closes behind it': (socket, text) => void socket.write(text, () => socket.destroy()),
  'sends FIN and closes': (socket, text) => {
    socket.end(text)
    socket.on('finish', () => socket.destroy())
  },
  'resets behind it': (socket, text) => void socket.write(text, () => socket.resetAndDestroy()),
  'reads no more and stays': (socket, text) => void socket.pause().write(text),
}

/** A server that refuses each request as soon as its head has come. */
async function startRefusing(
  t: TestContext,
  client: HttpClient,
  refuse: (socket: Socket) => void,
): Promise<ClientPool> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => refuse(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const clock = new FakeClock()
  const pool = poolOf[client]({ origin, clock, connectMs: 0, tlsMs: 0, tcpKeepAliveMs: 0 })
  t.after(() => {
    pool.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return pool
}

for (const client of httpClients) {
  describe(`an answer that arrives before the ${client} client has written the request`, () => {
    for (const [what, close] of Object.entries(closings)) {
      for (const [framing, text] of Object.entries({ 'a length': refusal, 'the end': withoutLength })) {
        if (text === withoutLength && what === 'reads no more and stays') continue
        it(`is the answer, ended by ${framing}, if the server ${what}`, async (t) => {
          const pool = await startRefusing(t, client, (socket) => close(socket, text))
          for (const bytes of [300_000, 1_000_000, 6_000_000]) {
            const body = Buffer.alloc(bytes, 'x')
            for (let round = 0; round < 5; round++) {
              const { told, error } = await ask(pool, { ...get, method: 'POST', body })
              assert.equal(error, undefined)
              assert.equal(told.status, 413)
              assert.equal(told.body, '{"error":"big"}')
            }
          }
        })
      }

      it(`is the answer to a stream if the server ${what}`, async (t) => {
        const pool = await startRefusing(t, client, (socket) => close(socket, refusal))
        for (let round = 0; round < 5; round++) {
          const body = Readable.from(Array.from({ length: 60 }, () => Buffer.alloc(50_000)))
          const headers = ['Content-Length', '3000000']
          const { told, error } = await ask(pool, { ...get, method: 'POST', headers, body })
          assert.equal(error, undefined)
          assert.equal(told.status, 413)
          assert.equal(body.destroyed, true)
        }
      })
    }

    it('is a failure if the server closes without one', async (t) => {
      const pool = await startRefusing(t, client, (socket) => void socket.destroy())
      const { told, error } = await ask(pool, { ...get, method: 'POST', body: Buffer.alloc(6_000_000) })
      assert.match(failureOf(error), /reset|closed/)
      assert.equal(told.status, 0)
    })
  })
}
