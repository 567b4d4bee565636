import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chunkOf } from '../../../src/http/body/chunk.ts'
import { headText } from '../../../src/http/headers/head-parts.ts'
import { type OutgoingHeadOptions, outgoingHead } from '../../../src/http/headers/outgoing-head.ts'

const plain = { method: 'GET', statusCode: 200, headers: [], keepsAlive: true, idleSeconds: 5, date: 'now' }

function headOf(options: OutgoingHeadOptions): { text: string; framing: string; closes: boolean } {
  const { parts, framing, closes } = outgoingHead(options)
  return { text: headText(parts), framing, closes }
}

describe('the head of an answer', () => {
  it('announces the keep-alive time and a chunked body', () => {
    assert.deepEqual(headOf(plain), {
      text: 'HTTP/1.1 200 OK\r\nDate: now\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n',
      framing: 'chunked',
      closes: false,
    })
  })

  it('keeps a date, a length and a connection that are given', () => {
    const headers = ['date', 'then', 'content-length', '2', 'connection', 'close']
    assert.deepEqual(headOf({ ...plain, headers }), {
      text: 'HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 2\r\nconnection: close\r\n\r\n',
      framing: 'length',
      closes: true,
    })
  })

  for (const [method, statusCode] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const)
    it(`has no body for ${method} with ${statusCode}`, () => {
      const { framing, text } = headOf({ ...plain, method, statusCode })
      assert.equal(framing, 'none')
      assert.doesNotMatch(text, /transfer-encoding/i)
    })

  for (const [name, value] of [
    ['a', 'b\r\nc: d'],
    ['a', 'b\n'],
    ['a', 'b\0'],
    ['a', 'b\x7f'],
    ['a', '\u0100'],
    ['a', '\u{1f600}'],
    ['a b', 'c'],
    ['a:', 'c'],
    ['', 'c'],
    ['a\r\nb', 'c'],
    ['a: b\r\nc', 'd'],
    ['a', 'b\r\n\r\nc'],
    ['a', 'b\r\n'],
    ['\xe9', 'c'],
  ] as const)
    it(`refuses ${JSON.stringify(name)} with ${JSON.stringify(value)}`, () => {
      assert.throws(() => outgoingHead({ ...plain, headers: [name, value] }), { code: 'ERR_INVALID_CHAR' })
    })
})

describe('a chunk', () => {
  const parts = [Buffer.from('0123456789'), Buffer.from('abcdefgh')]

  it('contains all parts after their size', () => {
    assert.equal(chunkOf(parts, 18, false).toString(), '12\r\n0123456789abcdefgh\r\n')
  })

  it('is followed by the end if it is the last', () => {
    assert.equal(chunkOf(parts, 18, true).toString(), '12\r\n0123456789abcdefgh\r\n0\r\n\r\n')
  })
})
