import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify from 'fastify'
import { IncomingRequest } from '../../../src/http/server/incoming-request.ts'
import { OutgoingResponse } from '../../../src/http/server/outgoing-response.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { exchange, last, listen, servers } from './support.ts'

const mebibyte = 1_048_576

for (const [name, create] of servers)
  describe(`${name} and slow peers`, () => {
    it('pauses a stream for a client that does not read, and resumes', async (t) => {
      let read = 0
      const source = new Readable({
        read() {
          read++
          this.push(read > 64 ? null : Buffer.alloc(mebibyte / 4, 'x'))
        },
      })
      const port = await listen(
        t,
        create((_request, response) => void source.pipe(response)),
      )
      const client = connect(port, '127.0.0.1')
      t.after(() => client.destroy())
      client.write(last)
      await once(client, 'readable')
      for (let idle = 0, before = -1; idle < 50; idle = read === before ? idle + 1 : 0) {
        before = read
        await turn()
      }
      assert.ok(read < 64, `all ${read} parts were read`)
      let bytes = 0
      for await (const part of client) bytes += (part as Buffer).length
      assert.ok(bytes > 16 * mebibyte)
    })

    it('pauses a client for a handler that does not read, and resumes', async (t) => {
      const port = await listen(
        t,
        create(async (request, response) => {
          await turn()
          let bytes = 0
          for await (const part of request) {
            bytes += (part as Buffer).length
            await turn()
          }
          response.end(String(bytes))
        }),
      )
      const text = await exchange(port, (socket) => {
        socket.write(
          `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${8 * mebibyte}\r\n\r\n`,
        )
        socket.write(Buffer.alloc(8 * mebibyte))
      })
      assert.match(text, new RegExp(`${8 * mebibyte}`))
    })

    it('aborts an answer if its client half-closes or leaves', async (t) => {
      const server = create((_request, response) => void response.write('x'))
      const port = await listen(t, server)
      const asked = once(server, 'request')
      const client = connect(port, '127.0.0.1')
      t.after(() => client.destroy())
      client.write(last.replace('Connection: close\r\n', ''))
      const [, response] = (await asked) as [unknown, OutgoingResponse]
      const closed = once(response, 'close')
      client.end()
      await closed
      assert.equal(response.destroyed, true)
    })
  })

describe('a Fastify on our server', () => {
  it('sends texts, streams, files of JSON and errors, and reads JSON', async (t) => {
    const app = Fastify({
      serverFactory: (handler) => new Http1Server({ clock: systemClock }, handler),
      forceCloseConnections: 'idle',
    })
    t.after(() => app.close())
    const kinds: boolean[] = []
    app.addHook('onRequest', async ({ raw }, reply) => {
      kinds.push(raw instanceof IncomingRequest && reply.raw instanceof OutgoingResponse)
    })
    app.get('/text', async () => 'text')
    app.get('/stream', (_request, reply) => reply.send(Readable.from(['a', 'b', 'c'])))
    app.get('/error', async () => {
      throw new Error('thrown')
    })
    app.get('/broken', (_request, reply) => {
      reply.send(
        Readable.from(
          (function* () {
            yield 'a'
            throw new Error('broken')
          })(),
        ),
      )
    })
    app.post('/json', async ({ body }) => body)
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const text = async (path: string) => (await fetch(`${url}${path}`)).text()
    assert.equal(await text('/text'), 'text')
    assert.equal(await text('/stream'), 'abc')
    assert.match(await text('/error'), /thrown/)
    await assert.rejects(text('/broken'))
    const body = JSON.stringify({ numbers: Array.from({ length: 50_000 }, (_, at) => at) })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/json`, { method: 'POST', headers, body })
    assert.equal(await answer.text(), body)
    assert.deepEqual(new Set(kinds), new Set([true]))
  })
})
