import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerValue } from '../../../src/http/headers/response-headers.ts'
import { withTrueType } from '../../../src/proxy/answer/true-type.ts'

const sse = 'text/event-stream'
const ndjson = 'application/x-ndjson'
const line = '{"model":"m","message":{"content":"a"},"done":false}\n'
const done = '{"model":"m","message":{"tool_calls":[{"arguments":{"done":false}}]},"done":true}\n'

function typeOf(type: string | undefined, path: string, first: string, statusCode = 200): string | undefined {
  const headers = type === undefined ? ['X-Other', '1'] : ['Content-Type', type]
  const head = withTrueType({ statusCode, headers }, 'POST', path, Buffer.from(first))
  return headerValue(head.headers, 'content-type')
}

describe('the content type of an answer', () => {
  for (const type of [
    'application/json',
    'text/plain; charset=utf-8',
    'application/octet-stream',
    undefined,
  ]) {
    for (const [path, first, found] of [
      ['/v1/chat/completions', 'data: {"choices":[]}\n\n', sse],
      ['/v1/chat/completions', 'data:{}', sse],
      ['/v1/responses', 'event: response.created\ndata: {}\n\n', sse],
      ['/v1/messages', '\r\nevent: ping\n', sse],
      ['/v1/completions', ': comment\n\n', sse],
      ['/v1/chat/completions', '\ufeffdata: {}\n\n', sse],
      ['/v1/chat/completions', '{"choices":[{"index":0}]}', type],
      ['/v1/chat/completions', line, type],
      ['/v1/chat/completions', 'database: closed', type],
      ['/v1/audio/speech', 'data: {}\n\n', type],
      ['/api/chat', line, ndjson],
      ['/olla/api/generate', `${line}${line}`, ndjson],
      ['/api/chat', done, type],
      ['/api/chat', line.trim(), type],
      ['/api/embed', '{"embeddings":[[1]]}\n', type],
    ] as const) {
      it(`is ${found ?? 'none'} for ${type ?? 'no type'} at ${path} with ${JSON.stringify(first.slice(0, 40))}`, () => {
        assert.equal(typeOf(type, path, first), found)
      })
    }
  }

  it('is kept if it is specific, and for errors', () => {
    assert.equal(typeOf(ndjson, '/v1/chat/completions', 'data: {}\n\n'), ndjson)
    assert.equal(typeOf('audio/wav', '/v1/chat/completions', 'data: {}\n\n'), 'audio/wav')
    assert.equal(typeOf('application/json', '/v1/chat/completions', 'data: {}\n\n', 500), 'application/json')
  })
})
