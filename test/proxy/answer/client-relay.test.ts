import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ClientRelay, type RelayShape } from '../../../src/proxy/answer/client-relay.ts'
import { awaitDrain, watchResponse } from '../../../src/proxy/answer/response-events.ts'
import { servers } from '../../http/server/support.ts'
import { eventually } from '../../support/simulator.ts'

type CreateServer = (handler: RequestListener) => Server

const stream: RelayShape = { format: 'sse', lengthBytes: undefined, gatherBytes: 0, transforms: [] }

/** A relay to a client on a real socket. `received` is all that the client was sent, chunk sizes included. */
async function relayOn(create: CreateServer, t: TestContext, options: { readsNothing?: boolean } = {}) {
  const server = create(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => {
    client.destroy()
    server.close()
  })
  let text = ''
  if (options.readsNothing !== true) client.on('data', (chunk) => (text += chunk.toString('latin1')))
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [, raw] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const writes: number[] = []
  const { socket } = raw
  assert.ok(socket !== null)
  const writev = socket._writev?.bind(socket)
  socket._writev = (chunks, done) => {
    writes.push(chunks.length)
    writev?.(chunks, done)
  }
  const write = socket._write.bind(socket)
  socket._write = (chunk, encoding, done) => {
    writes.push(1)
    write(chunk, encoding, done)
  }
  const body = () => text.slice(text.indexOf('\r\n\r\n') + 4)
  return { relay: new ClientRelay(raw), raw, client, body, writes }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

for (const [name, create] of servers)
  describe(`ClientRelay on ${name}`, () => {
    const relayTo = (t: TestContext, options?: { readsNothing?: boolean }) => relayOn(create, t, options)

    it('sends the bytes of one event-loop turn as one chunk, without waiting for more', async (t) => {
      const { relay, raw, body, writes } = await relayTo(t)
      relay.begin(200, ['Content-Type', 'text/event-stream'], stream)
      for (const text of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) relay.write(Buffer.from(text))
      await turn()
      assert.equal(writes.length, 1)
      await eventually(() => body() === '1b\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n\r\n')
      relay.write(Buffer.from('data: 4\n\n'))
      relay.end()
      await turn()
      assert.equal(raw.writableEnded, true)
      await eventually(() => body().endsWith('9\r\ndata: 4\n\n\r\n0\r\n\r\n'))
      assert.equal(writes.length, 2, 'the end goes with the last event')
    })

    it('sends an answer of known length in one write, and ends it with its last byte', async (t) => {
      const { relay, raw, body, writes } = await relayTo(t)
      relay.begin(200, ['Content-Length', '4'], { ...stream, format: 'other', lengthBytes: 4 })
      assert.equal(relay.write(Buffer.from('ab')), true)
      assert.equal(raw.writableEnded, false)
      assert.equal(relay.write(Buffer.from('cd')), true)
      relay.end()
      await turn()
      assert.equal(raw.writableEnded, true)
      await eventually(() => body() === 'abcd')
      assert.equal(writes.length, 1)
    })

    it('holds back no more than its gather limit', async (t) => {
      const { relay, body } = await relayTo(t)
      relay.begin(200, ['Content-Type', 'image/png'], { ...stream, format: 'other', gatherBytes: 4 })
      relay.write(Buffer.from('ab'))
      await turn()
      assert.equal(body(), '')
      relay.write(Buffer.from('cd'))
      await eventually(() => body() === '4\r\nabcd\r\n')
      relay.write(Buffer.from('e'))
      relay.end()
      await eventually(() => body().endsWith('1\r\ne\r\n0\r\n\r\n'))
    })

    it('reports backpressure after at most one turn of further bytes', async (t) => {
      const { relay, raw, client } = await relayTo(t, { readsNothing: true })
      relay.begin(200, ['Content-Type', 'text/event-stream'], stream)
      const event = Buffer.alloc(30_000, 'x')
      let sent = 0
      while (relay.write(event) && sent < 1000) {
        sent++
        await turn()
      }
      assert.ok(sent < 1000)
      assert.equal(raw.socket?.writableNeedDrain, true)
      await turn()
      assert.equal(relay.write(event), false)
      const drained = new Promise<void>((resolve) => {
        watchResponse(raw, { clientClosed() {}, clientDrained: resolve })
        awaitDrain(raw)
      })
      client.resume()
      await drained
      assert.equal(relay.write(Buffer.from('y')), true)
    })

    it('writes nothing to a client that disconnected in the same turn', async (t) => {
      const { relay, raw } = await relayTo(t)
      raw.on('error', () => assert.fail('written to'))
      relay.begin(200, ['Content-Type', 'text/event-stream'], stream)
      relay.write(Buffer.from('data: 1\n\n'))
      raw.destroy()
      await turn()
    })

    it('aborts at an event boundary, after the bytes received so far', async (t) => {
      const { relay, client, body } = await relayTo(t)
      client.on('error', () => {})
      relay.begin(200, ['Content-Type', 'text/event-stream'], stream)
      relay.write(Buffer.from('data: half'))
      relay.abortWith((format) => `event: error\ndata: ${format}\n\n`)
      await once(client, 'close')
      assert.equal(body(), 'a\r\ndata: half\r\n1a\r\n\n\nevent: error\ndata: sse\n\n\r\n')
    })

    it('aborts an answer of known length after the bytes received in the same turn', async (t) => {
      const { relay, client, body } = await relayTo(t)
      client.on('error', () => {})
      relay.begin(200, ['Content-Length', '9'], { ...stream, format: 'other', lengthBytes: 9 })
      relay.write(Buffer.from('half'))
      relay.abortWith(() => '')
      await once(client, 'close')
      assert.equal(body(), 'half')
    })

    it('keeps every byte in order, for any chunking', async (t) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.boolean()), { maxLength: 20 }),
          fc.nat({ max: 60 }),
          fc.boolean(),
          async (chunks, gatherBytes, hasLength) => {
            const { relay, body, client } = await relayTo(t)
            const all = Buffer.concat(chunks.map(([bytes]) => bytes))
            const lengthBytes = hasLength ? all.length : undefined
            const headers = hasLength ? ['Content-Length', String(all.length)] : []
            relay.begin(200, headers, { format: 'other', lengthBytes, gatherBytes, transforms: [] })
            for (const [bytes, isLast] of chunks) {
              relay.write(Buffer.from(bytes))
              if (isLast) await turn()
            }
            relay.end()
            const complete = () => (hasLength ? body().length >= all.length : body().endsWith('0\r\n\r\n'))
            await eventually(complete)
            assert.equal(hasLength ? body() : dechunked(body()), all.toString('latin1'))
            assert.equal(relay.bodyBytes, all.length)
            client.destroy()
          },
        ),
        { numRuns: 60 },
      )
    })
  })

function dechunked(text: string): string {
  let rest = text
  let all = ''
  for (;;) {
    const end = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, end), 16)
    if (size === 0) return all
    all += rest.slice(end + 2, end + 2 + size)
    rest = rest.slice(end + 2 + size + 2)
  }
}
