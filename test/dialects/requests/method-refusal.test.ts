import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { methodRefusal } from '../../../src/dialects/requests/method-refusal.ts'

describe('methodRefusal', () => {
  for (const path of [
    ...['/v1/chat/completions', '/v1/Chat/completions/', '/v1/chat%2fcompletions', '/v1/completions'],
    ...['/v1/embeddings', '/v1/responses', '/v1/messages', '/v1/messages/count_tokens', '/v2/rerank'],
    ...['/v1/audio/speech', '/v1/images/generations', '/v1/moderations', '/api/v0/chat/completions'],
    ...[
      '/api/chat',
      '/api/generate',
      '/api/embed',
      '/api/embeddings',
      '/api/show',
      '/engines/v1/completions',
    ],
    ...['/completion', '/infill', '/tokenize', '/reranking', '/chat/completions'],
  ]) {
    it(`only allows POST for ${path}`, () => {
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']) {
        const refusal = methodRefusal(method, path)
        assert.equal(refusal?.statusCode, 405)
        assert.deepEqual(refusal?.headers, ['Allow', 'POST'])
      }
      for (const method of ['POST', 'OPTIONS']) assert.equal(methodRefusal(method, path), undefined)
    })
  }

  for (const path of [
    ...['/v1/models', '/v1/responses/r1', '/v1/chat/completions/c1', '/v1/threads/t1/messages', '/v1/files'],
    ...['/api/tags', '/props', '/x/completion', '/v1/audio/voices', '/v1/models/completions', '/'],
  ]) {
    it(`leaves ${path} to the endpoint`, () => {
      for (const method of ['GET', 'DELETE']) assert.equal(methodRefusal(method, path), undefined)
    })
  }
})
