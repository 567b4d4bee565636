import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EndpointStatus } from '../../src/endpoint/status.ts'
import { classifyProbe } from '../../src/health/classify.ts'

const answered = (statusCode: number, latencyMs = 5, retryAfterMs?: number) =>
  ({ kind: 'answered', statusCode, latencyMs, retryAfterMs }) as const

describe('classifyProbe (contract 4)', () => {
  const cases: [number, EndpointStatus][] = [
    [200, 'healthy'],
    [204, 'healthy'],
    [299, 'healthy'],
    [301, 'unhealthy'],
    [400, 'unhealthy'],
    [401, 'config_error'],
    [403, 'config_error'],
    [404, 'unhealthy'],
    [429, 'rate_limited'],
    [500, 'unhealthy'],
    [503, 'unhealthy'],
  ]
  for (const [statusCode, status] of cases) {
    it(`takes ${statusCode} for ${status}`, () => {
      assert.equal(classifyProbe(answered(statusCode), 1000).status, status)
    })
  }

  it('takes no answer for offline, and says why', () => {
    assert.deepEqual(classifyProbe({ kind: 'failed', reason: 'connection refused' }, 1000), {
      status: 'offline',
      reason: 'connection refused',
    })
  })

  it('takes a good but slow answer for busy (unreachable in Olla)', () => {
    assert.equal(classifyProbe(answered(200, 1000), 1000).status, 'healthy')
    assert.deepEqual(classifyProbe(answered(200, 1000.6), 1000), {
      status: 'busy',
      reason: 'probe answered after 1001 ms',
    })
    assert.equal(classifyProbe(answered(200, 60_000), 0).status, 'healthy')
    assert.equal(classifyProbe(answered(500, 60_000), 1000).status, 'unhealthy')
  })

  it('leaves a rate-limited endpoint alone for as long as it asked, else for 30 s', () => {
    assert.equal(classifyProbe(answered(429, 5, 7000), 0).retryAfterMs, 7000)
    assert.equal(classifyProbe(answered(429), 0).retryAfterMs, 30_000)
    assert.equal(classifyProbe(answered(503, 5, 7000), 0).retryAfterMs, undefined)
  })
})
