import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { Http1Error } from '../../../src/http/client/errors.ts'
import { anyBytes, anyChunked, collectingReader, readInChunks } from './support.ts'

/** `HTTP1_FUZZ_RUNS=20000` looks longer. */
const runs = Number(process.env.HTTP1_FUZZ_RUNS ?? 1000)

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

/** What the reader makes of bytes after which the connection ends; undefined where it refuses them. */
function readHere(text: string): Answer | undefined {
  const { reader, told } = collectingReader()
  reader.begin('GET')
  try {
    readInChunks(reader, text, [])
    reader.close()
  } catch (error) {
    assert.ok(error instanceof Http1Error, `not one of ours: ${error}`)
    return undefined
  }
  assert.ok(told.head !== undefined && told.isClean !== undefined)
  // Node takes what follows an answer for an error of the answer; here it is one of the connection.
  if (!told.isClean) return undefined
  return { status: told.head.statusCode, headers: told.head.headers, body: told.body }
}

/** What Node's own client makes of the same bytes. */
async function nodeReader(t: TestContext): Promise<(text: string) => Promise<Answer | undefined>> {
  let text = ''
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(text, 'latin1'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  return (given) => {
    text = given
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, agent: false, insecureHTTPParser: true }
      const request = get(options, (response: IncomingMessage) => {
        let body = ''
        response.setEncoding('latin1')
        response.on('data', (part: string) => (body += part))
        response.on('error', () => resolve(undefined))
        response.on('close', () => {
          const { statusCode: status = 0, rawHeaders: headers } = response
          resolve(response.complete ? { status, headers, body } : undefined)
        })
      })
      request.on('error', () => resolve(undefined))
    })
  }
}

const validText = fc
  .record({
    fields: fc.constantFrom('', 'Content-Type: text/plain\r\n', 'Connection: close\r\nX-A: b\r\n'),
    kind: fc.constantFrom('length', 'chunked', 'until-close'),
    bytes: anyBytes,
    chunked: anyChunked,
  })
  .map(({ fields, kind, bytes, chunked }) => {
    if (kind === 'chunked')
      return `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${chunked.coded}`
    const length = kind === 'length' ? `Content-Length: ${bytes.length}\r\n` : ''
    return `HTTP/1.1 200 OK\r\n${fields}${length}\r\n${bytes}`
  })

/** What a broken or hostile server might do to a text. Most of it near the beginning, where the rules are. */
const mutation = fc.record({
  kind: fc.constantFrom('replace', 'insert', 'delete', 'repeat-line', 'truncate'),
  at: fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 1000 })),
  what: fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '0',
    '1',
    'f',
    'x',
    '\x00',
    '\x7f',
    '\xff',
  ),
})

function mutated(text: string, { kind, at, what }: { kind: string; at: number; what: string }): string {
  const place = at % (text.length + 1)
  switch (kind) {
    case 'replace':
      return text.slice(0, place) + what + text.slice(place + 1)
    case 'insert':
      return text.slice(0, place) + what + text.slice(place)
    case 'delete':
      return text.slice(0, place) + text.slice(place + 1)
    case 'truncate':
      return text.slice(0, place)
    default: {
      const end = text.indexOf('\r\n', place)
      const start = text.lastIndexOf('\r\n', place) + 2
      return end < start ? text : text.slice(0, end + 2) + text.slice(start)
    }
  }
}

describe('answers that were tampered with', () => {
  it('are never complete unless they are for Node, and never read differently', async (t) => {
    const readByNode = await nodeReader(t)
    let taken = 0
    await fc.assert(
      fc.asyncProperty(
        validText,
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        async (valid, mutations) => {
          const text = mutations.reduce(mutated, valid)
          // White space by RFC 9110 section 5.5, but Node's parser keeps it in the value.
          if (/^transfer-encoding:.*\t\r$/im.test(text)) return
          // Taken here as RFC 9112 section 6.3 allows, which Node's parser does in no mode.
          if (/^content-length:(?:.*,|[\s\S]*\ncontent-length:)/im.test(text)) return
          const answer = readHere(text)
          if (answer === undefined) return
          taken++
          assert.deepEqual(await readByNode(text), answer)
        },
      ),
      { numRuns: runs },
    )
    assert.ok(taken > runs / 10, `only ${taken} of ${runs} could be compared`)
  })
})
