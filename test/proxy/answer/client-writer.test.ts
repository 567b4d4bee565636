import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ClientWriter } from '../../../src/proxy/answer/client-writer.ts'
import { listen, servers } from '../../http/server/support.ts'
import { eventually } from '../../support/simulator.ts'

type Answer = (raw: ServerResponse, path: string) => void

const chunked = ['Content-Type', 'text/event-stream']
const anyParts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 5 })

function writeAll(
  raw: ServerResponse,
  headers: string[],
  writes: readonly Uint8Array[][],
  last: Uint8Array[],
): void {
  const writer = new ClientWriter(raw)
  const buffers = (parts: readonly Uint8Array[]) => parts.map((part) => Buffer.from(part))
  const bytes = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0)
  writer.begin(200, headers)
  for (const parts of writes) if (parts.length > 0) writer.write(buffers(parts), bytes(parts))
  writer.end(buffers(last), bytes(last))
}

/** Sends requests at once on one connection and reads all until it ends. */
async function exchangeRaw(port: number, requests: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1')))
  socket.write(requests)
  await once(socket, 'close')
  return text
}

for (const [name, create] of servers)
  describe(`ClientWriter on ${name}`, () => {
    const serve = (t: TestContext, answer: Answer) =>
      listen(
        t,
        create((request, raw) => answer(raw, request.url ?? '')),
      )

    it('delivers what was written, with and without a known length', async (t) => {
      let now: Answer = () => {}
      const port = await serve(t, (raw) => now(raw, ''))
      await fc.assert(
        fc.asyncProperty(
          fc.array(anyParts, { maxLength: 5 }),
          anyParts,
          fc.boolean(),
          async (writes, last, isKnown) => {
            const whole = Buffer.concat([...writes.flat(), ...last])
            const headers = isKnown ? ['Content-Length', String(whole.length)] : chunked
            now = (raw) => writeAll(raw, [...headers], writes, last)
            const response = await new Promise<AsyncIterable<Buffer>>((resolve) =>
              get({ port, host: '127.0.0.1' }, resolve),
            )
            const read: Buffer[] = []
            for await (const part of response) read.push(part)
            assert.deepEqual(Buffer.concat(read), whole)
          },
        ),
        { numRuns: 100 },
      )
    })

    it('does not chunk answers to HTTP/1.0 clients', async (t) => {
      const port = await serve(t, (raw) =>
        writeAll(raw, [...chunked], [[Buffer.from('ab')]], [Buffer.from('c')]),
      )
      const text = await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n')
      assert.ok(text.endsWith('\r\n\r\nabc'), text)
      assert.doesNotMatch(text, /transfer-encoding/i)
    })

    it('keeps an answer waiting for the previous one on the same connection', async (t) => {
      const answers: ServerResponse[] = []
      const port = await serve(t, (raw, path) => {
        if (path === '/1') answers.push(raw)
        else writeAll(raw, [...chunked], [[Buffer.from('second')]], [Buffer.from('2')])
      })
      const read = exchangeRaw(
        port,
        'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      )
      await eventually(() => answers.length === 1)
      const [first] = answers
      assert.ok(first !== undefined)
      writeAll(first, [...chunked], [[Buffer.from('first')]], [])
      const text = await read
      assert.match(text, /5\r\nfirst\r\n0\r\n\r\nHTTP\/1\.1 200 .*6\r\nsecond\r\n1\r\n2\r\n0\r\n\r\n$/s)
    })

    it('uses a replaced `write` method', async (t) => {
      const written: string[] = []
      const port = await serve(t, (raw) => {
        const write = raw.write.bind(raw)
        raw.write = (chunk: unknown) => {
          written.push(String(chunk))
          return write(String(chunk).toUpperCase())
        }
        writeAll(raw, [...chunked], [[Buffer.from('a'), Buffer.from('b')]], [])
      })
      const text = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      assert.deepEqual(written, ['ab'])
      assert.match(text, /2\r\nAB\r\n0\r\n\r\n$/)
    })

    it('tolerates writes after the client has disconnected', async (t) => {
      const open: ServerResponse[] = []
      const port = await serve(t, (raw) => void open.push(raw))
      const socket = connect(port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await eventually(() => open.length === 1)
      const [raw] = open
      assert.ok(raw !== undefined)
      raw.on('error', () => {})
      const writer = new ClientWriter(raw)
      writer.begin(200, [...chunked])
      writer.write([Buffer.from('a')], 1)
      socket.destroy()
      await once(raw, 'close')
      writer.write([Buffer.from('b')], 1)
      writer.end([Buffer.from('c')], 1)
    })
  })
