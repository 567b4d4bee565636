import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspectRequest } from '../../../src/dialects/requests/inspect.ts'
import { mayHedge } from '../../../src/proxy/hedging/may-hedge.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { routed } from '../../support/exchange.ts'
import { requestContext } from '../../support/request-context.ts'

const candidates = [0, 1].map((slot) => routed(endpoint({ slot })))
const input = { model: 'm', input: 'Hi', messages: [], prompt: 'Hi' }

function isHedged(path: string, more: object, { isStreamedUpstream = false, count = 2 } = {}): boolean {
  const body = Buffer.from(JSON.stringify({ ...input, ...more }))
  const context = requestContext()
  context.model = 'm'
  context.isStreamedUpstream = isStreamedUpstream
  const given = candidates.slice(0, count)
  return mayHedge({
    context,
    method: 'POST',
    path,
    body,
    inspection: inspectRequest(body, 'application/json', path),
    routing: {
      tiers: [{ candidates: given, spillsWhenFull: false }],
      candidates: given,
      strategy: 'strict',
      decision: 'routed',
      reason: '',
      status: 200,
      knowledge: 'found',
    },
  })
}

describe('a request gets a second attempt', () => {
  const rows: readonly (readonly [path: string, body: object, expected: boolean])[] = [
    ['/v1/chat/completions', { stream: true }, true],
    ['/v1/chat/completions', { stream: true, tools: [{}] }, true],
    ['/v1/completions', { stream: true }, true],
    ['/v1/messages', { stream: true }, true],
    ['/v1/responses', { stream: true }, true],
    ['/v1/responses', { stream: true, tools: [{ type: 'web_search' }] }, false],
    ['/v1/responses', { stream: true, previous_response_id: 'resp_1' }, false],
    ['/v1/responses', { stream: true, background: true }, false],
    ['/api/chat', {}, true],
    ['/api/generate', { stream: true }, true],
    ['/api/chat', { stream: false }, false],
    ['/v1/chat/completions', {}, false],
    ['/v1/embeddings', { stream: true }, false],
    ['/v1/audio/speech', { stream: true }, false],
    ['/v1/images/generations', { stream: true }, false],
    ['/api/pull', {}, false],
  ]
  for (const [path, body, expected] of rows) {
    it(`${expected ? 'to' : 'not to'} ${path} with ${JSON.stringify(body)}`, () => {
      assert.equal(isHedged(path, body), expected)
    })
  }

  it('for a whole answer that the gateway assembles from a stream', () => {
    assert.equal(isHedged('/v1/chat/completions', {}, { isStreamedUpstream: true }), true)
  })

  it('only if another endpoint has the model', () => {
    assert.equal(isHedged('/v1/chat/completions', { stream: true }, { count: 1 }), false)
  })
})
