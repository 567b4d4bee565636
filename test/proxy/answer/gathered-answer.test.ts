import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestVariant } from '../../../src/dialects/variants/request-variant.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'

const jsonHead = ['Content-Type', 'application/json', 'Content-Length', '2', 'X-Mine', '1']

/** Gathers every answer and turns it round. */
function gathering(statusCode = 200): () => RequestVariant {
  return () => ({
    path: '/other',
    query: '',
    body: null,
    answer() {
      let text = ''
      return {
        push(chunk) {
          text += chunk.toString()
        },
        end: () => ({
          statusCode,
          headers: ['Content-Type', 'text/plain'],
          body: Buffer.from([...text].reverse().join('')),
        }),
      }
    },
  })
}

describe('a gathered answer', () => {
  it('is sent in one write, with its length and its own headers', async (t) => {
    const { begin, sent } = createExchanges(t, [{}])
    const { answer, context } = await begin({ variant: gathering(418) })
    answerWith(sent[0] ?? assert.fail(), 200, jsonHead, 'ab', 'cd')
    const response = await answer
    assert.equal(await response.text(), 'dcba')
    assert.equal(response.status, 418)
    assert.equal(response.headers.get('content-length'), '4')
    assert.equal(response.headers.get('content-type'), 'text/plain')
    assert.equal(response.headers.get('x-mine'), '1')
    assert.equal(context.outcome, 'rejection')
    assert.equal(context.status, 418)
  })

  it('can fail, and another endpoint is tried', async (t) => {
    const { begin, sent } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
    const { answer, context } = await begin({ variant: gathering() })
    sent[0]?.attempt.onHeaders(200, jsonHead, () => {})
    sent[0]?.attempt.onData(Buffer.from('half'))
    sent[0]?.attempt.onError(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    await Promise.resolve()
    answerWith(sent[1] ?? assert.fail(), 200, jsonHead, 'whole')
    const response = await answer
    assert.equal(await response.text(), 'elohw')
    assert.equal(response.headers.get('x-olla-endpoint'), 'b')
    assert.deepEqual(
      context.attempts.map(({ endpoint, reason }) => `${endpoint}: ${reason}`),
      ['a: connection reset'],
    )
    assert.equal(context.outcome, 'success')
  })

  it('is used after all if it was rejected and no other endpoint did better', async (t) => {
    const { begin, sent, cells } = createExchanges(t, [{ name: 'a' }, { name: 'b' }])
    const { answer } = await begin({ variant: gathering(503) })
    answerWith(sent[0] ?? assert.fail(), 503, jsonHead, 'busy')
    await Promise.resolve()
    sent[1]?.attempt.onError(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    const response = await answer
    assert.equal(response.status, 503)
    assert.equal(await response.text(), 'ysub')
    assert.equal(cells.inFlight.value(0), 0)
  })
})
