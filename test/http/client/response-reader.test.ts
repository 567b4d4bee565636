import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyBytes, anyChunked, anyCuts, collectingReader, readInChunks } from './support.ts'

interface Written {
  readonly method: string
  readonly text: string
  readonly status: number
  readonly body: string
  readonly endsWithConnection: boolean
}

const interim = fc.array(
  fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'),
  { maxLength: 2 },
)
const fields = fc.constantFrom('', 'Content-Type: text/plain\r\n', `X-Long: ${'x'.repeat(100)}\r\nX-B:\r\n`)

/** Any answer that keeps to the rules. */
const anyAnswer: fc.Arbitrary<Written> = fc
  .record({
    before: interim,
    fields,
    kind: fc.constantFrom('length', 'chunked', 'until-close', 'head', 'none'),
    bytes: anyBytes,
    chunked: anyChunked,
  })
  .map(({ before, fields, kind, bytes, chunked }) => {
    const start = before.join('')
    const written = { method: 'POST', status: 200, endsWithConnection: false }
    switch (kind) {
      case 'length': {
        const head = `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${bytes.length}\r\n\r\n`
        return { ...written, text: `${start}${head}${bytes}`, body: bytes }
      }
      case 'chunked': {
        const head = `HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`
        return { ...written, text: `${start}${head}${chunked.coded}`, body: chunked.data }
      }
      case 'until-close':
        return {
          ...written,
          text: `${start}HTTP/1.1 200 OK\r\n${fields}\r\n${bytes}`,
          body: bytes,
          endsWithConnection: true,
        }
      case 'head': {
        const head = `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${bytes.length}\r\n\r\n`
        return { ...written, method: 'HEAD', text: `${start}${head}`, body: '' }
      }
      default:
        return { ...written, status: 204, text: `${start}HTTP/1.1 204 No Content\r\n${fields}\r\n`, body: '' }
    }
  })

describe('ResponseReader', () => {
  it('reads one answer after the other, cut anywhere', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyAnswer, anyCuts), { minLength: 1, maxLength: 4 }), (answers) => {
        const { reader, told } = collectingReader()
        for (const [{ method, text, status, body, endsWithConnection }, cuts] of answers) {
          told.body = ''
          told.isClean = undefined
          reader.begin(method)
          readInChunks(reader, text, cuts)
          if (endsWithConnection) {
            assert.equal(told.isClean, undefined)
            reader.close()
          }
          assert.equal(told.head?.statusCode, status)
          assert.equal(told.body, body)
          assert.equal(told.isClean, true)
          if (endsWithConnection) break
        }
      }),
      { numRuns: 500 },
    )
  })

  it('reports that bytes follow an answer, without parsing them', () => {
    fc.assert(
      fc.property(
        anyAnswer.filter(({ endsWithConnection }) => !endsWithConnection),
        ({ method, text, body }) => {
          const { reader, told } = collectingReader()
          reader.begin(method)
          readInChunks(reader, `${text}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno`, [])
          assert.equal(told.body, body)
          assert.equal(told.isClean, false)
        },
      ),
    )
  })

  it('does not complete an answer when the connection ends in its middle', () => {
    fc.assert(
      fc.property(
        anyAnswer.filter(({ endsWithConnection }) => !endsWithConnection),
        fc.nat(),
        ({ method, text }, at) => {
          const { reader, told } = collectingReader()
          reader.begin(method)
          readInChunks(reader, text.slice(0, at % text.length), [])
          assert.equal(told.isClean, undefined)
          assert.throws(() => reader.close(), { code: 'ERR_HTTP1_CLOSED' })
        },
      ),
    )
  })

  it('reports nothing after it was stopped', () => {
    const { reader, told } = collectingReader()
    reader.begin('GET')
    readInChunks(reader, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab', [])
    reader.stop()
    reader.close()
    assert.equal(told.body, 'ab')
    assert.equal(told.isClean, undefined)
  })

  it('refuses bytes without a request, upgrades, and heads without end', () => {
    const { reader } = collectingReader()
    const invalid = { code: 'ERR_HTTP1_INVALID_RESPONSE' }
    assert.throws(() => readInChunks(reader, 'HTTP/1.1 200 OK\r\n\r\n', []), invalid)
    reader.begin('GET')
    assert.throws(() => readInChunks(reader, 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n', []), invalid)
    reader.begin('GET')
    const head = `HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(131_100)}\r\n\r\n`
    assert.throws(() => readInChunks(reader, head, [60_000, 60_000]), invalid)
  })

  it('reads heads of up to 128 KiB', () => {
    const { reader, told } = collectingReader()
    reader.begin('GET')
    const head = `HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(131_000)}\r\nContent-Length: 0\r\n\r\n`
    readInChunks(reader, head, [60_000, 60_000])
    assert.equal(told.isClean, true)
  })

  for (const [text, hint] of [
    ['S', undefined],
    ['SSH-2.0-x\r\n', undefined],
    ['HTTP/2', undefined],
    ['<html>', undefined],
    ['\r\nHTTP/1.1 200 OK\r\n\r\n', undefined],
    ['\x15\x03\x01\x00\x02\x02\x46', 'it speaks TLS: use https'],
    ['\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03', 'it speaks HTTP/2 only'],
    ['HTTP/1.1 200 OK\nContent-Length: 0\n\n', undefined],
    ['HTTP/1.1 200 OK\rContent-Length: 0\r\r', undefined],
    ['HTTP/1.1 200 OK\r\nX-A: 1\n', undefined],
  ] as const) {
    it(`rejects ${JSON.stringify(text)} as soon as it arrives`, () => {
      const { reader } = collectingReader()
      reader.begin('GET')
      assert.throws(() => readInChunks(reader, text, []), { code: 'ERR_HTTP1_INVALID_RESPONSE', hint })
      reader.begin('GET')
      assert.throws(() => readInChunks(reader, text, Array(text.length).fill(1)), {
        code: 'ERR_HTTP1_INVALID_RESPONSE',
      })
    })
  }

  it('reads past 16 interim answers, and no more', () => {
    const { reader, told } = collectingReader()
    const hints = 'HTTP/1.1 103 Early Hints\r\n\r\n'
    for (let round = 0; round < 2; round++) {
      reader.begin('GET')
      readInChunks(reader, `${hints.repeat(16)}HTTP/1.1 204 No\r\n\r\n`, [])
      assert.equal(told.isClean, true)
    }
    reader.begin('GET')
    assert.throws(() => readInChunks(reader, hints.repeat(17), []), { code: 'ERR_HTTP1_INVALID_RESPONSE' })
  })
})
