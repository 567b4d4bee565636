import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readPlainHead } from '../../../src/http/server/plain-head.ts'

const read = (text: string) => readPlainHead(Buffer.from(text, 'latin1'))

describe('the head of a plain request', () => {
  it('is read with its length and fields as received, without touching what follows', () => {
    const head =
      'POST /a?b HTTP/1.1\r\nHost: h\r\nX-a:\t b\xe9 \r\ncontent-length: 12\r\nConnection: Close\r\n\r\n'
    assert.deepEqual(read(`${head}body`), {
      method: 'POST',
      target: '/a?b',
      headers: ['Host', 'h', 'X-a', 'b\xe9', 'content-length', '12', 'Connection', 'Close'],
      lengthBytes: 12,
      keepsAlive: false,
      headBytes: head.length,
    })
  })

  for (const fields of [
    '',
    'Host:\r\n',
    'Host: a\r\nhost: a\r\n',
    'Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n',
    'Host: a\r\nContent-Length: +1\r\n',
    'Host: a\r\nContent-Length: 1, 1\r\n',
    'Host: a\r\nContent-Length: 0x1\r\n',
    'Host: a\r\nContent-Length:\r\n',
    'Host: a\r\nContent-Length : 1\r\n',
    'Host: a\r\nTransfer-Encoding: chunked\r\n',
    'Host: a\r\nTransfer-Encoding: identity\r\n',
    'Host: a\r\nUpgrade: websocket\r\n',
    'Host: a\r\nExpect: 100-continue\r\n',
    'Host: a\r\nConnection: keep-alive, close\r\n',
    'Host: a\r\nConnection: close\r\nConnection: close\r\n',
    'Host: a\r\nProxy-Connection: close\r\n',
    'Host: a\r\n folded\r\n',
    'Host: a\nX: b\r\n',
    'Host: a\rX: b\r\n',
    'Host: a\r\nX: \0\r\n',
    'Host: a\r\nX: \x7f\r\n',
    'Host: a\r\nX\r\n',
    'Host: a\r\n: b\r\n',
    `Host: a\r\n${'X: b\r\n'.repeat(101)}`,
    `Host: a\r\nX: ${'b'.repeat(8192)}\r\n`,
  ])
    it(`leaves ${JSON.stringify(fields.slice(0, 60))} to Node`, () => {
      assert.equal(read(`POST / HTTP/1.1\r\n${fields}\r\n`), undefined)
    })

  for (const line of [
    'GET / HTTP/1.0',
    'GET  / HTTP/1.1',
    'get / HTTP/1.1',
    'GET http://a/ HTTP/1.1',
    'GET /#a HTTP/1.1',
    'GET /\xe9 HTTP/1.1',
    'CONNECT a:1 HTTP/1.1',
    ' GET / HTTP/1.1',
    '\r\nGET / HTTP/1.1',
  ])
    it(`leaves ${JSON.stringify(line)} to Node`, () => {
      assert.equal(read(`${line}\r\nHost: a\r\n\r\n`), undefined)
    })

  it('does not wait for the rest of a head', () => {
    assert.equal(read('GET / HTTP/1.1\r\nHost: a\r\n'), undefined)
  })
})
