import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseResponseHead } from '../../../src/http/client/own/response-head.ts'

const parse = (lines: readonly string[], method = 'POST') =>
  parseResponseHead(
    lines
      .map((line) => `${line}\r\n`)
      .join('')
      .concat('\r\n'),
    method,
  )

describe('parseResponseHead', () => {
  it('returns fields as received, without surrounding spaces', () => {
    const head = parse(['HTTP/1.1 201 Fine so far', 'X-A:1', 'x-b: \t two words \t', 'X-C:', 'X-D: ü'])
    assert.equal(head.statusCode, 201)
    assert.deepEqual(head.headers, ['X-A', '1', 'x-b', 'two words', 'X-C', '', 'X-D', 'ü'])
  })

  const framings: readonly [string, readonly string[], string, number | string, boolean][] = [
    ['a length', ['HTTP/1.1 200 OK', 'Content-Length: 12'], 'POST', 12, true],
    ['chunks', ['HTTP/1.1 200 OK', 'transfer-encoding: Chunked'], 'GET', 'chunked', true],
    ['neither', ['HTTP/1.1 200 OK'], 'GET', 'until-close', false],
    ['a length for HEAD', ['HTTP/1.1 200 OK', 'Content-Length: 12'], 'HEAD', 0, true],
    ['nothing for HEAD', ['HTTP/1.1 200 OK'], 'HEAD', 0, true],
    ['204 with a length', ['HTTP/1.1 204 No Content', 'Content-Length: 12'], 'GET', 0, true],
    ['304', ['HTTP/1.1 304 Not Modified'], 'GET', 0, true],
    ['no reason', ['HTTP/1.1 200', 'Content-Length: 0'], 'GET', 0, true],
    ['HTTP/1.0', ['HTTP/1.0 200 OK', 'Content-Length: 1'], 'GET', 1, false],
    ['HTTP/1.0 kept', ['HTTP/1.0 200 OK', 'Content-Length: 1', 'Connection: Keep-Alive'], 'GET', 1, true],
    ['close', ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: close'], 'GET', 1, false],
    ['close in a list', ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: x-a , Close'], 'GET', 1, false],
    [
      'close before keep-alive',
      ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: close', 'Connection: keep-alive'],
      'GET',
      1,
      false,
    ],
    [
      'HTTP/1.0 kept, in chunks',
      ['HTTP/1.0 200 OK', 'Transfer-Encoding: chunked', 'Connection: keep-alive'],
      'GET',
      'chunked',
      false,
    ],
    ['enclosed', ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Connection: enclosed'], 'GET', 1, true],
  ]
  for (const [what, lines, method, framing, keepsAlive] of framings) {
    it(`determines the end of a body: ${what}`, () => {
      const head = parse(lines, method)
      assert.equal(head.framing, framing)
      assert.equal(head.keepsAlive, keepsAlive)
    })
  }

  it('reads how long the server keeps the connection', () => {
    const keepAlive = (value: string) =>
      parse(['HTTP/1.1 200 OK', 'Content-Length: 0', `Keep-Alive: ${value}`]).keepAliveSeconds
    assert.equal(keepAlive('timeout=5'), 5)
    assert.equal(keepAlive('max=100, Timeout=15'), 15)
    assert.equal(keepAlive('xtimeout=15'), undefined)
    assert.equal(keepAlive('timeout=soon'), undefined)
  })

  const invalid: readonly (readonly string[])[] = [
    [''],
    ['HTTP/2.0 200 OK'],
    ['HTTP/1.1 099 Low'],
    ['HTTP/1.1 600 High'],
    ['HTTP/1.1 999 High'],
    ['HTTP/1.1 20 OK'],
    ['HTTP/1.1 2000 OK'],
    ['HTTP/1.1  200 OK'],
    ['http/1.1 200 OK'],
    ['ICY 200 OK'],
    ['HTTP/1.1 200 O\x00K'],
    ['HTTP/1.1 200 OK', 'no colon'],
    ['HTTP/1.1 200 OK', ': no name'],
    ['HTTP/1.1 200 OK', 'X-A : 1'],
    ['HTTP/1.1 200 OK', ' X-A: 1'],
    ['HTTP/1.1 200 OK', 'X-A: 1', ' folded'],
    ['HTTP/1.1 200 OK', 'X-A: 1\nX-B: 2'],
    ['HTTP/1.1 200 OK', 'X-A: 1\rX-B: 2'],
    ['HTTP/1.1 200 OK', 'X-A: \x00'],
    ['HTTP/1.1 200 OK', 'X-A: \x7f'],
    ['HTTP/1.1 200 OK', 'X-\xc4: 1'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1', 'Content-Length: 2'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1, 2'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1, 1', 'Content-Length: 2'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1,'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1, 01'],
    ['HTTP/1.1 200 OK', 'Content-Length: +1'],
    ['HTTP/1.1 200 OK', 'Content-Length: -1'],
    ['HTTP/1.1 200 OK', 'Content-Length: 0x1'],
    ['HTTP/1.1 200 OK', 'Content-Length: 1.0'],
    ['HTTP/1.1 200 OK', 'Content-Length:'],
    ['HTTP/1.1 200 OK', 'Content-Length: 9999999999999999'],
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip'],
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked'],
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['HTTP/1.1 200 OK', 'Transfer-Encoding: xchunked'],
  ]
  for (const lengths of [['1'], ['1, 1'], ['1', '1'], ['1,1', '1']]) {
    it(`accepts a repeated equal length: ${JSON.stringify(lengths)}`, () => {
      const head = parse(['HTTP/1.1 200 OK', ...lengths.map((length) => `Content-Length: ${length}`)])
      assert.equal(head.framing, 1)
      assert.equal(head.keepsAlive, true)
      assert.deepEqual(head.headers, ['Content-Length', '1'])
    })
  }

  for (const fields of [
    ['Content-Length: 1', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'content-length: 1'],
  ]) {
    it(`reads chunks if ${fields.join(' and ')} contradict, and closes the connection after them`, () => {
      const { framing, keepsAlive, headers } = parse(['HTTP/1.1 200 OK', ...fields, 'X-A: 1'])
      assert.equal(framing, 'chunked')
      assert.equal(keepsAlive, false)
      assert.deepEqual(headers, ['Transfer-Encoding', 'chunked', 'X-A', '1'])
    })
  }

  for (const lines of invalid) {
    it(`refuses ${JSON.stringify(lines)}`, () => {
      assert.throws(() => parse(lines), { code: 'ERR_HTTP1_INVALID_RESPONSE' })
    })
  }
})
