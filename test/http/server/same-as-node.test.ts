import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answersOf, last, mirror } from './support.ts'

const post = (length: string, body: string) =>
  `POST /a?b=c HTTP/1.1\r\nHost: a\r\n${length}X-Odd:\t b\xe9 \r\n\r\n${body}`

const scenarios: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['a request without a body', [last]],
  ['a body with its head', [post('Content-Length: 2\r\nConnection: close\r\n', 'ab')]],
  ['a body after its head', [post('Content-Length: 4\r\nConnection: close\r\n', 'ab'), 'cd']],
  ['requests in a row', [post('Content-Length: 2\r\n', 'ab') + last]],
  ['the next request right behind a body', [post('Content-Length: 4\r\n', 'ab'), `cd${last}`]],
  ['a head in pieces', [last.slice(0, 20), last.slice(20)]],
  ['a chunked body', [post('Transfer-Encoding: chunked\r\nConnection: close\r\n', '2\r\nab\r\n0\r\n\r\n')]],
  ['HTTP/1.0', ['GET / HTTP/1.0\r\n\r\n']],
  ['two lengths', [post('Content-Length: 2\r\nContent-Length: 2\r\n', 'ab')]],
  ['a length and chunks', [post('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')]],
  ['no host', ['GET / HTTP/1.1\r\n\r\n']],
  ['a space before the colon', ['GET / HTTP/1.1\r\nHost : a\r\n\r\n']],
  ['a folded line', ['GET / HTTP/1.1\r\nHost: a\r\n b\r\nConnection: close\r\n\r\n']],
  ['a line that ends early', ['GET / HTTP/1.1\nHost: a\n\n']],
]

describe("a request, for Node's server and for ours", () => {
  for (const [name, pieces] of scenarios)
    it(`reads and answers ${name} alike`, async (t) => {
      const [node, ours] = await (await answersOf(t, mirror))(pieces)
      assert.ok(node !== undefined && node.length > 0)
      assert.equal(ours, node)
    })
})
