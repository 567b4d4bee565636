import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hasResponseId, ResponseIdReader } from '../../../src/proxy/request/response-id.ts'

/** The ID found in a text that arrives in chunks of this size. */
function read(text: string, chunkBytes: number): string[] {
  const found: string[] = []
  const reader = new ResponseIdReader((id) => found.push(id.toString()))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes))
  reader.end()
  return found
}

describe('a response id', () => {
  it('is found once in a complete answer and in a stream, for any chunking', () => {
    const answers = [
      '{"object":"response","id":"resp_1","output":[{"id":"msg_1"},{"id":"resp_2"}]}',
      'event: response.created\ndata: {"type":"response.created","response":{"id" : "resp_1","model":"é"}}\n\n',
    ]
    for (const answer of answers) {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: answer.length }), (chunkBytes) => {
          assert.deepEqual(read(answer, chunkBytes), ['resp_1'])
        }),
      )
    }
  })

  it('is not searched beyond the first bytes, and not confused with other fields', () => {
    assert.deepEqual(read(`{"output":"${'x'.repeat(5_000)}","id":"resp_1"}`, 1_000), [])
    assert.deepEqual(read('{"id":"chatcmpl-1"}', 5), [])
    assert.deepEqual(read('{"text":"\\"id\\":\\"resp_1\\""}', 5), [])
  })

  it('is read from successful, readable answers of the Responses API', () => {
    const head = (statusCode: number, headers: string[] = []) => ({ statusCode, headers })
    assert.equal(hasResponseId('/v1/responses', head(200)), true)
    assert.equal(hasResponseId('/v1/chat/completions', head(200)), false)
    assert.equal(hasResponseId('/v1/responses', head(400)), false)
    assert.equal(hasResponseId('/v1/responses', head(200, ['Content-Encoding', 'gzip'])), false)
  })
})
