import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { dialectNamed } from '../../../src/dialects/all.ts'
import { DialectErrorAnswer } from '../../../src/proxy/answer/dialect-error-answer.ts'

function answerTo(body: Buffer, encoding: string | undefined, path = '/v1/files/file-1', statusCode = 400) {
  const answer = new DialectErrorAnswer({
    dialect: dialectNamed('openai'),
    form: { hasContext: false },
    statusCode,
    path,
    requestId: 'r',
    encoding,
  })
  answer.push(body)
  return answer.end()
}

const foreign = Buffer.from('{"detail":"Something is wrong"}')
const own = Buffer.from('{"error": {"message":"no"}}')
const packers = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }

describe('the error of an endpoint', () => {
  for (const [encoding, pack] of Object.entries(packers)) {
    it(`is converted if it is compressed, and relayed as it is in the client’s dialect: ${encoding}`, () => {
      const { body, headers } = answerTo(pack(foreign), encoding)
      assert.equal(JSON.parse(body.toString()).error.message, 'Something is wrong')
      assert.ok(!headers.includes('Content-Encoding'))
      const relayed = answerTo(pack(own), encoding)
      assert.deepEqual([relayed.body, relayed.headers], [pack(own), ['Content-Encoding', encoding]])
    })
  }

  it('is relayed if it cannot be decompressed', () => {
    for (const encoding of ['gzip', 'snappy']) {
      const { statusCode, body, headers } = answerTo(foreign, encoding)
      assert.deepEqual([statusCode, body, headers], [400, foreign, ['Content-Encoding', encoding]])
    }
  })

  it('says of a response that it is unknown, whatever the router says', () => {
    const { statusCode, body } = answerTo(
      Buffer.from('nope'),
      undefined,
      '/v1/responses/resp_1/input_items',
      405,
    )
    const { error } = JSON.parse(body.toString())
    assert.equal(statusCode, 404)
    assert.deepEqual(
      [error.message, error.type, error.request_id],
      ["Response with id 'resp_1' not found.", 'not_found_error', 'r'],
    )
    for (const path of ['/v1/responses', '/v1/responses/compact', '/v1/responses/input_tokens'])
      assert.equal(answerTo(Buffer.from('nope'), undefined, path, 405).statusCode, 405, path)
  })
})
