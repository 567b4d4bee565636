import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RejectionFacts, rejectionError } from '../../../src/routing/models/rejection.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const facts: RejectionFacts = {
  model: 'm',
  provider: undefined,
  path: '/v1/rerank',
  isElsewhere: false,
  retryAfterSeconds: 7,
  errorMessageOf: () => undefined,
}
const lackPath = [endpoint({ name: 'a' }), endpoint({ name: 'b' })]

const cases: readonly {
  reason: string
  status: number
  more?: Partial<RejectionFacts>
  code: string
  message: RegExp
  retryAfter: number | undefined
}[] = [
  {
    reason: 'model_not_found',
    status: 404,
    code: 'model_not_found',
    message: /no endpoint has the model "m"\./,
    retryAfter: undefined,
  },
  {
    reason: 'model_not_found',
    status: 404,
    more: { provider: 'vllm', isElsewhere: true },
    code: 'model_not_found',
    message: /no vllm endpoint has the model "m"; endpoints of another type have it\./,
    retryAfter: undefined,
  },
  {
    reason: 'model_lists_incomplete',
    status: 503,
    code: 'model_unavailable',
    message: /not all have listed/,
    retryAfter: 7,
  },
  {
    reason: 'model_unavailable',
    status: 503,
    code: 'model_unavailable',
    message: /is available now/,
    retryAfter: 7,
  },
  {
    reason: 'no_healthy_endpoints',
    status: 503,
    code: 'no_healthy_endpoints',
    message: /no healthy endpoints available/,
    retryAfter: 7,
  },
  {
    reason: 'no_healthy_endpoints',
    status: 404,
    more: { provider: 'vllm' },
    code: 'no_endpoints',
    message: /^No vllm endpoints available$/,
    retryAfter: undefined,
  },
  {
    reason: 'path_not_served',
    status: 404,
    code: 'path_not_served',
    message: /"m" serves \/v1\/rerank\. Tried: a \(.*\), b \(/,
    retryAfter: undefined,
  },
  {
    reason: 'path_not_served',
    status: 404,
    more: { errorMessageOf: ({ name }) => (name === 'a' ? 'Start it with --reranking' : undefined) },
    code: 'path_not_served',
    message: /a \([^)]*: Start it with --reranking\), b \([^:]*\)\.$/,
    retryAfter: undefined,
  },
]

describe('the rejection error', () => {
  for (const { reason, status, more, code, message, retryAfter } of cases) {
    it(`${reason} ${status} ${Object.keys(more ?? {}).join(' ')}`, () => {
      const error = rejectionError({ reason, status, lackPath }, { ...facts, ...more })
      assert.equal(error.code, code)
      assert.equal(error.statusCode, status)
      assert.match(error.message, message)
      assert.equal(error.retryAfterSeconds, retryAfter)
    })
  }
})
