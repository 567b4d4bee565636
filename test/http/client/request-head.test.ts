import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Http1Error } from '../../../src/http/client/errors.ts'
import { type HeadOptions, requestHead } from '../../../src/http/client/own/request-head.ts'
import { headText } from '../../../src/http/headers/head-parts.ts'

const host = 'box:1'
const fixed = `Host: ${host}\r\nConnection: keep-alive\r\n`
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', ' ', '\r', '\n', ':', '\x00', '\t', 'é', '☃') }),
)

const textOf = (request: HeadOptions, bodyBytes: number | undefined) =>
  headText(requestHead(request, host, bodyBytes))

describe('requestHead', () => {
  it('writes its parts, with its own lines first', () => {
    assert.equal(
      textOf({ method: 'POST', path: '/v1/x?y=1', headers: ['X-A', 'b c', 'x-a', ''] }, 12),
      `POST /v1/x?y=1 HTTP/1.1\r\n${fixed}X-A: b c\r\nx-a: \r\nContent-Length: 12\r\n\r\n`,
    )
  })

  it('announces a length if there is a body or might be one', () => {
    const lengthOf = (method: string, bodyBytes: number | undefined) =>
      /Content-Length: (\d+)/.exec(textOf({ method, path: '/', headers: [] }, bodyBytes))?.[1]
    assert.equal(lengthOf('GET', 0), undefined)
    assert.equal(lengthOf('GET', 3), '3')
    assert.equal(lengthOf('DELETE', 0), undefined)
    for (const method of ['POST', 'PUT', 'PATCH']) assert.equal(lengthOf(method, 0), '0')
    assert.equal(lengthOf('POST', undefined), undefined)
  })

  it('sends its own Host instead of the given one, and rejects framing that contradicts the body', () => {
    const headOf = (name: string, value: string, bodyBytes: number | undefined) =>
      textOf({ method: 'POST', path: '/', headers: [name, value] }, bodyBytes)
    assert.equal(
      headOf('host', 'ollama.local', 3),
      'POST / HTTP/1.1\r\nHost: ollama.local\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n',
    )
    assert.match(headOf('Content-Length', '9', undefined), /Content-Length: 9\r\n\r\n$/)
    const invalid = { code: 'ERR_HTTP1_INVALID_REQUEST' }
    for (const name of ['Content-Length', 'transfer-encoding', 'Connection', 'Keep-Alive', 'Upgrade', 'TE'])
      assert.throws(() => headOf(name, '9', 3), invalid, name)
  })

  it('never writes an additional line, whatever the parts contain', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant('POST'), anyText),
        fc.oneof(fc.constant('/v1'), anyText),
        fc.array(fc.tuple(fc.oneof(fc.constant('X-A'), anyText), anyText), { maxLength: 4 }),
        (method, path, pairs) => {
          let head: string
          try {
            head = textOf({ method, path, headers: pairs.flat() }, 1)
          } catch (error) {
            assert.ok(error instanceof Http1Error)
            assert.equal(error.code, 'ERR_HTTP1_INVALID_REQUEST')
            return
          }
          const lines = head.split(/\r\n|\r|\n/)
          assert.equal(lines.length, pairs.length + 6)
          assert.equal(lines[0], `${method} ${path} HTTP/1.1`)
          assert.equal(lines[0]?.split(' ').length, 3)
          for (const [at, [name, value]] of pairs.entries()) assert.equal(lines[at + 3], `${name}: ${value}`)
          assert.equal(Buffer.from(head, 'latin1').toString('latin1'), head)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
