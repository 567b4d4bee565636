import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readPlainHead } from '../../../src/http/server/plain-head.ts'
import { answersOf, exchange, last, listen } from './support.ts'

/** `HTTP1_FUZZ_RUNS=20000` looks longer. */
const runs = Number(process.env.HTTP1_FUZZ_RUNS ?? 1000)

const line = fc.constantFrom(
  'Content-Length: 0',
  'Content-Length: 7',
  'content-length:\t00012 ',
  'Transfer-Encoding: chunked',
  'Connection: keep-alive',
  'Connection: close',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Cookie: a=b; c',
  'X-Odd:\t b\xe9\t ',
  'X-Empty:',
  'x-odd: again',
)
const validHead = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE', 'OPTIONS'),
    target: fc.constantFrom('/', '/a/b?c=d&e=%20', "/~'!$()*,;=:@"),
    lines: fc.array(line, { maxLength: 4 }),
  })
  .map(({ method, target, lines }) =>
    [`${method} ${target} HTTP/1.1`, 'Host: a', ...lines, '', ''].join('\r\n'),
  )
const piece = fc.oneof(
  fc.constantFrom('\r', '\n', '\r\n', '\0', ' ', '\t', ':', ',', '-', '0', '#', '\x7f', '\x80', '\xff', ''),
  line,
)
/** What a hostile client might do to a head. */
const mutation = fc.record({ at: fc.nat(), cut: fc.nat(2), put: piece })
const mutatedHead = fc.tuple(validHead, fc.array(mutation, { maxLength: 2 })).map(([head, mutations]) =>
  mutations.reduce((text, { at, cut, put }) => {
    const from = at % text.length
    return text.slice(0, from) + put + text.slice(from + cut)
  }, head),
)

const seen: unknown[] = []

describe('our reader of requests compared with Node’s', () => {
  it('treats as plain only requests that Node reads identically, to the byte', async (t) => {
    const server = createServer((request, response) => {
      const { method, url, rawHeaders } = request
      let bodyBytes = 0
      request.on('data', (part: Buffer) => (bodyBytes += part.length))
      request.on('end', () => {
        seen.push({ method, url, rawHeaders, bodyBytes })
        response.end()
      })
    })
    const port = await listen(t, server)
    let plain = 0
    const check = async (text: string): Promise<void> => {
      const head = readPlainHead(Buffer.from(text, 'latin1'))
      if (head === undefined || head.lengthBytes > 1000) return
      plain++
      seen.length = 0
      const body = 'b'.repeat(head.lengthBytes)
      const whole = text.slice(0, head.headBytes) + body + (head.keepsAlive ? last : '')
      await exchange(port, (socket) => socket.write(whole, 'latin1'))
      const { method, target: url, headers: rawHeaders, lengthBytes: bodyBytes } = head
      const lastSeen = {
        method: 'GET',
        url: '/last',
        rawHeaders: ['Host', 'a', 'Connection', 'close'],
        bodyBytes: 0,
      }
      assert.deepEqual(seen, [{ method, url, rawHeaders, bodyBytes }, ...(head.keepsAlive ? [lastSeen] : [])])
    }
    await fc.assert(fc.asyncProperty(mutatedHead, check), { numRuns: 3 * runs, seed: 1 })
    assert.ok(plain > runs / 10, `only ${plain} were plain`)
  })

  it('answers a stream of requests, cut anywhere, as Node does', async (t) => {
    const answers = await answersOf(t, (request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString('latin1')))
      request.on('end', () => response.end(JSON.stringify([request.url, request.rawHeaders, body])))
    })
    const request = fc.constantFrom(
      'GET /get HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nGET / HT',
      'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    const stream = fc.tuple(fc.array(request, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 4 }))
    const check = async ([requests, cuts]: [string[], number[]]): Promise<void> => {
      const text = requests.join('') + last
      const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b)]
      const pieces = places.map((from, at) => text.slice(from, places[at + 1])).filter((part) => part !== '')
      const [node, ours] = await answers(pieces)
      assert.equal(ours, node)
      assert.equal(node?.split('HTTP/1.1 200 OK').length, requests.length + 2)
    }
    await fc.assert(fc.asyncProperty(stream, check), { numRuns: runs, seed: 1 })
  })
})
