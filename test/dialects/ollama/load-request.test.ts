import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ollamaLoadAnswer, ollamaLoadRequest } from '../../../src/dialects/ollama/parts/load-request.ts'
import { createdAt, refusal } from './support.ts'

describe('a request of Ollama’s API that only loads its model', () => {
  for (const [operation, request, expected] of [
    ['chat', {}, 'load'],
    ['chat', { messages: null }, 'load'],
    ['chat', { messages: [] }, 'load'],
    ['chat', { messages: [], keep_alive: '5m' }, 'load'],
    ['chat', { messages: [], keep_alive: -1 }, 'load'],
    ['chat', { messages: [], keep_alive: 0 }, 'unload'],
    ['chat', { messages: [], keep_alive: '0' }, 'unload'],
    ['chat', { messages: [], keep_alive: '0s' }, 'unload'],
    ['chat', { messages: [{ role: 'user', content: 'hi' }], keep_alive: 0 }, undefined],
    ['chat', { messages: 'wrong' }, undefined],
    ['generate', {}, 'load'],
    ['generate', { prompt: '', keep_alive: 0 }, 'unload'],
    ['generate', { prompt: null, images: ['x'] }, 'load'],
    ['generate', { prompt: 'hi', keep_alive: 0 }, undefined],
  ] as const) {
    it(`is ${expected} for ${operation} ${JSON.stringify(request)}`, () => {
      assert.equal(ollamaLoadRequest(request, operation), expected)
    })
  }

  it('is refused if keep_alive is not valid', () => {
    assert.match(
      refusal(() => ollamaLoadRequest({ keep_alive: 'soon' }, 'chat')),
      /^keep_alive: /,
    )
  })

  it('gets one object as its answer', () => {
    const nowMs = Date.parse(createdAt)
    assert.deepEqual(ollamaLoadAnswer('load', 'chat', 'm', nowMs), {
      model: 'm',
      created_at: createdAt,
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'load',
    })
    assert.deepEqual(ollamaLoadAnswer('unload', 'generate', 'm', nowMs), {
      model: 'm',
      created_at: createdAt,
      response: '',
      done: true,
      done_reason: 'unload',
    })
  })
})
