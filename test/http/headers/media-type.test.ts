import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { framingOf } from '../../../src/http/headers/media-type.ts'
import { streamFormat } from '../../../src/proxy/answer/client-relay.ts'

describe('the framing of an answer', () => {
  for (const [contentType, expected] of [
    ['text/event-stream', 'sse'],
    ['Text/Event-Stream; Charset=UTF-8', 'sse'],
    ['text/event-stream;charset=utf-8', 'sse'],
    ['APPLICATION/X-NDJSON', 'ndjson'],
    ['application/jsonl', 'ndjson'],
    ['Application/JSON', 'json'],
    ['application/json ; charset=utf-8', 'json'],
    ['application/problem+JSON', 'json'],
    ['text/html', 'html'],
    ['TEXT/PLAIN', 'text'],
    ['audio/mpeg', 'other'],
    ['text/event-streams', 'other'],
    ['', 'none'],
    [undefined, 'none'],
  ] as const) {
    it(`${contentType} is ${expected}`, () => {
      for (const _ of [1, 2]) assert.equal(framingOf(contentType), expected)
      assert.equal(
        streamFormat(framingOf(contentType)),
        expected === 'sse' || expected === 'ndjson' ? expected : 'other',
      )
    })
  }
})
