import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ChunkedBody } from '../../../src/http/client/own/chunked-body.ts'
import { anyChunked, anyCuts } from './support.ts'

/** Reads a text in chunks. @returns the data, and how much of the text was read */
function readAll(
  text: string,
  cuts: readonly number[],
): { data: string; readBytes: number; isOver: boolean } {
  const body = new ChunkedBody()
  let data = ''
  let at = 0
  for (const size of [...cuts, text.length]) {
    const piece = Buffer.from(text.slice(at, at + size), 'latin1')
    if (piece.length === 0 || body.isOver) continue
    data += body.read(piece, 0, piece.length).toString('latin1')
    at += body.readEnd
  }
  return { data, readBytes: at, isOver: body.isOver }
}

describe('ChunkedBody', () => {
  it('gives the data of any chunks, cut anywhere, and stops at their end', () => {
    fc.assert(
      fc.property(anyChunked, anyCuts, ({ data, coded }, cuts) => {
        assert.deepEqual(readAll(`${coded}HTTP/1.1 200`, cuts), {
          data,
          readBytes: coded.length,
          isOver: true,
        })
      }),
      { numRuns: 500 },
    )
  })

  it('is not complete before all data has arrived', () => {
    fc.assert(
      fc.property(anyChunked, fc.nat(), ({ coded }, at) => {
        assert.equal(readAll(coded.slice(0, at % coded.length), []).isOver, false)
      }),
    )
  })

  it('returns the data of one read as one copied chunk', () => {
    const body = new ChunkedBody()
    const bytes = Buffer.from('2\r\nab\r\n3\r\ncde\r\n')
    const data = body.read(bytes, 0, bytes.length)
    bytes.fill(0)
    assert.equal(data.toString(), 'abcde')
  })

  for (const size of ['3 ', '3\t ', '000000000000000000003', '3   ;a=b', '00003 ']) {
    it(`reads a size written as ${JSON.stringify(size)}`, () => {
      const coded = `${size}\r\nabc\r\n${size}\r\ndef\r\n0\r\n\r\n`
      assert.deepEqual(readAll(coded, []), { data: 'abcdef', readBytes: coded.length, isOver: true })
    })
  }

  for (const coded of [
    '\r\n',
    'g\r\n',
    ' 1\r\na\r\n',
    '1 2\r\na\r\n',
    '1 \n\r\na\r\n',
    `1${' '.repeat(20_000)}\r\n`,
    `${'0'.repeat(20_000)}1\r\n`,
    '-1\r\n',
    '0x1\r\na\r\n',
    '1\na\r\n',
    '1\r\nab\r\n',
    '1\r\na\n\r\n',
    '1;a\nb\r\n',
    '1\rx',
    '0\r\nA: 1\n\r\n',
    '0\r\n\rx',
    '10000000000000\r\n',
    `1;${'x'.repeat(20_000)}\r\n`,
    `0\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
    `0\r\n${'A: 1\r\n'.repeat(5_000)}\r\n`,
  ]) {
    it(`refuses ${JSON.stringify(coded.slice(0, 30))}`, () => {
      assert.throws(() => readAll(coded, []), { code: 'ERR_HTTP1_INVALID_RESPONSE' })
    })
  }
})
