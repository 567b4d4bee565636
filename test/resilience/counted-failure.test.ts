import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AttemptResult, countedFailure } from '../../src/resilience/circuit-breakers.ts'

const policy = {
  enabled: true,
  failureThreshold: 5,
  openMs: 1,
  trialTimeoutMs: 1,
  failureStatuses: new Set([500, 503]),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 2000,
}

describe('what a circuit breaker counts', () => {
  const cases: [AttemptResult, 'connection' | 'answer' | undefined][] = [
    [{ kind: 'answered', statusCode: 200, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 404, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 500, firstByteMs: 10 }, 'answer'],
    [{ kind: 'answered', statusCode: 200, firstByteMs: 2001 }, 'answer'],
    [{ kind: 'status', statusCode: 503 }, 'answer'],
    [{ kind: 'status', statusCode: 429 }, undefined],
    [{ kind: 'refused' }, 'connection'],
    [{ kind: 'reset' }, 'connection'],
    [{ kind: 'connect_timeout' }, 'connection'],
    [{ kind: 'first_byte_timeout' }, 'answer'],
    [{ kind: 'idle_timeout' }, 'answer'],
    [{ kind: 'total_timeout' }, undefined],
  ]
  for (const [result, source] of cases) {
    it(`${JSON.stringify(result)} counts as ${source ?? 'nothing'}`, () => {
      assert.equal(countedFailure(policy, result)?.source, source)
    })
  }

  it('leaves out what is switched off', () => {
    const lenient = { ...policy, connectionErrors: false, timeouts: false, slowFirstByteMs: 0 }
    assert.equal(countedFailure(lenient, { kind: 'refused' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'idle_timeout' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'answered', statusCode: 200, firstByteMs: 9999 }), undefined)
  })
})
