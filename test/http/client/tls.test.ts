import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { before, describe, it, type TestContext } from 'node:test'
import { createServer, type TLSSocket } from 'node:tls'
import type { ClientPool } from '../../../src/http/client/contract.ts'
import { type HttpClient, httpClients } from '../../../src/http/client/contract.ts'
import { identity, trustLocalhost } from '../../support/certificates.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'
import { poolOf } from './pools.ts'
import { ask, Collected, failureOf, get, ok } from './server.ts'

/** A server with a certificate of its own making for `localhost`. */
async function startTls(t: TestContext, answer: (socket: TLSSocket) => void) {
  const sockets: TLSSocket[] = []
  const server = createServer(identity('localhost'), (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', () => answer(socket))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

function poolFor(t: TestContext, client: HttpClient, origin: string, clock = new FakeClock()): ClientPool {
  const pool = poolOf[client]({ origin, clock, connectMs: 600_000, tlsMs: 500, tcpKeepAliveMs: 1_000 })
  t.after(() => pool.close())
  return pool
}

/** Takes no more after each piece, for a moment. */
class Reluctant extends Collected {
  override onData(chunk: Buffer): boolean {
    super.onData(chunk)
    setImmediate(() => {
      if (!this.calls.includes('complete')) this.resume()
    })
    return false
  }
}

for (const client of httpClients) {
  describe(`the pool of the ${client} client over TLS`, () => {
    before(trustLocalhost)

    it('reads answers, keeps connections, and resumes TLS sessions', async (t) => {
      const large = `HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(500_000)}`
      const { port, sockets } = await startTls(t, (socket) => socket.write(large))
      const pool = poolFor(t, client, `https://localhost:${port}`)
      for (let round = 0; round < 2; round++) {
        const { told, error } = await ask(pool)
        assert.equal(error, undefined)
        assert.equal(told.body.length, 500_000)
      }
      assert.equal(sockets.length, 1)
      await Promise.all([ask(pool), ask(pool)])
      assert.equal(sockets.length, 2)
      assert.equal(sockets[1]?.isSessionReused(), true)
    })

    it('continues after an answer that ended while its handler was paused', async (t) => {
      // More than one TLS record, and yet one read.
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${'x'.repeat(40_000)}`
      const { port, sockets } = await startTls(t, (socket) => socket.write(answer))
      const pool = poolFor(t, client, `https://localhost:${port}`)
      for (let round = 0; round < 3; round++) {
        const told = new Reluctant()
        pool.send(get, told)
        await eventually(() => told.calls.includes('complete'))
        assert.equal(told.body.length, 40_000)
      }
      assert.equal(sockets.length, 1)
    })

    it('opens no more connections than there are requests at a time, whatever their size', async (t) => {
      let connections = 0
      const server = createHttpsServer(identity('localhost'), (request, response) => {
        request.resume().on('end', () => response.end('ok'))
      })
      server.on('secureConnection', () => connections++)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      const pool = poolFor(t, client, `https://localhost:${(server.address() as AddressInfo).port}`)
      const sendTimes = async (requests: number) => {
        for (let at = 0; at < requests; at++) {
          const body = Buffer.alloc([10, 10_000, 100_000, 1_000_000][at % 4] ?? 0)
          const { told, error } = await ask(pool, { ...get, method: 'POST', body })
          assert.equal(error, undefined)
          assert.equal(told.body, 'ok')
          // An exchange needs the next request's connection no sooner than this.
          await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
        }
      }
      await sendTimes(80)
      assert.equal(connections, 1)
      await Promise.all(Array.from({ length: 16 }, () => sendTimes(20)))
      assert.ok(connections <= 16, `${connections} connections`)
    })

    it('reads an answer that arrives before the request is written', async (t) => {
      const refusal = 'HTTP/1.1 413 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'
      const { port } = await startTls(t, (socket) => {
        if (socket.writableEnded) return
        socket.end(refusal)
        socket.on('finish', () => socket.destroy())
      })
      const pool = poolFor(t, client, `https://localhost:${port}`)
      for (const bytes of [300_000, 1_000_000, 6_000_000]) {
        for (let round = 0; round < 5; round++) {
          const { told, error } = await ask(pool, { ...get, method: 'POST', body: Buffer.alloc(bytes) })
          assert.equal(error, undefined)
          assert.equal(told.body, 'big')
        }
      }
    })

    it('fails as TLS if the certificate is for another name', async (t) => {
      const { port } = await startTls(t, (socket) => socket.write(ok))
      const { error } = await ask(poolFor(t, client, `https://127.0.0.1:${port}`))
      assert.equal(failureOf(error), 'tls')
    })

    it('fails as TLS if the handshake does not complete', async (t) => {
      const silent = createTcpServer((socket) => void socket.on('error', () => {}))
      silent.listen(0, '127.0.0.1')
      await once(silent, 'listening')
      t.after(() => silent.close())
      const clock = new FakeClock()
      const pool = poolFor(t, client, `https://localhost:${(silent.address() as AddressInfo).port}`, clock)
      const connected = once(silent, 'connection')
      const told = new Collected()
      pool.send(get, told)
      await connected
      // The limit of the TCP connection is replaced by that of the handshake.
      await eventually(async () => {
        await clock.advance(600)
        return told.calls.length > 0
      })
      assert.equal(failureOf(await told.over), 'tls')
    })
  })
}
