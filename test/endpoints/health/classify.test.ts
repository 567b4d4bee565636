import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  classifyProbe,
  type ProbeContext,
  type ProbeResult,
  weighFailedProbe,
} from '../../../src/endpoints/health/classify.ts'
import type { EndpointStatus } from '../../../src/kernel/endpoint-status.ts'

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
    it(`maps ${statusCode} to ${status}`, () => {
      assert.equal(classifyProbe(answered(statusCode), 1000).status, status)
    })
  }

  it('maps no answer to offline, with the reason', () => {
    assert.deepEqual(
      classifyProbe(
        { kind: 'failed', reason: 'connection refused', isCertain: true, isSilence: false },
        1000,
      ),
      {
        status: 'offline',
        reason: 'connection refused',
        isDoubtful: false,
      },
    )
  })

  const doubts: readonly [string, ProbeResult, boolean][] = [
    ['a silent probe', { kind: 'failed', reason: '', isCertain: false, isSilence: true }, true],
    ['a refused connection', { kind: 'failed', reason: '', isCertain: true, isSilence: false }, false],
    ['a missing health route', answered(404), true],
    ['an error of the health route', answered(500), true],
    ['a rate limit of the health route', answered(429), true],
    ['a server that is loading', answered(503), false],
    ['a server that requires a key', answered(401), false],
  ]
  for (const [title, result, isDoubtful] of doubts) {
    it(`${isDoubtful ? 'doubts' : 'accepts'} ${title}`, () => {
      assert.equal(classifyProbe(result, 1000).isDoubtful ?? false, isDoubtful)
    })
  }

  it('maps a slow success to busy (unreachable in Olla)', () => {
    assert.equal(classifyProbe(answered(200, 1000), 1000).status, 'healthy')
    assert.deepEqual(classifyProbe(answered(200, 1000.6), 1000), {
      status: 'busy',
      reason: 'probe answered after 1001 ms',
    })
    assert.equal(classifyProbe(answered(200, 60_000), 0).status, 'healthy')
    assert.equal(classifyProbe(answered(500, 60_000), 1000).status, 'unhealthy')
  })

  it('pauses a rate-limited endpoint for as long as it requested, or for 30 s', () => {
    assert.equal(classifyProbe(answered(429, 5, 7000), 0).retryAfterMs, 7000)
    assert.equal(classifyProbe(answered(429), 0).retryAfterMs, 30_000)
    assert.equal(classifyProbe(answered(503, 5, 7000), 0).retryAfterMs, undefined)
  })
})

describe('weighFailedProbe', () => {
  const silent: ProbeResult = {
    kind: 'failed',
    reason: 'no answer within 2000 ms',
    isCertain: false,
    isSilence: true,
  }
  const refused: ProbeResult = {
    kind: 'failed',
    reason: 'connection refused',
    isCertain: true,
    isSilence: false,
  }
  const status = (statusCode: number): ProbeResult => ({
    kind: 'answered',
    statusCode,
    latencyMs: 1,
    retryAfterMs: undefined,
  })
  const serving: ProbeContext = { isRoutable: true, failures: 1, threshold: 3, hasAnswered: false }
  const rows: [string, ProbeResult, Partial<ProbeContext>, ReturnType<typeof weighFailedProbe>][] = [
    ['one lost probe', silent, {}, 'hold'],
    ['a second lost probe', silent, { failures: 2 }, 'hold'],
    ['a third lost probe', silent, { failures: 3 }, 'apply'],
    ['a lost probe while requests are answered', silent, { hasAnswered: true }, 'outweighed'],
    [
      'the tenth lost probe while requests are answered',
      silent,
      { failures: 10, hasAnswered: true },
      'outweighed',
    ],
    ['one busy 503', status(503), {}, 'hold'],
    ['a third 503', status(503), { failures: 3 }, 'apply'],
    ['a 503 while requests are answered', status(503), { failures: 3, hasAnswered: true }, 'outweighed'],
    [
      'a missing health route while requests are answered',
      status(404),
      { failures: 9, hasAnswered: true },
      'outweighed',
    ],
    ['one 500', status(500), {}, 'hold'],
    ['one 401', status(401), {}, 'hold'],
    ['one 429', status(429), {}, 'hold'],
    ['a refused connection', refused, {}, 'apply'],
    ['a refused connection after an answer', refused, { hasAnswered: true }, 'outweighed'],
    ['any failure of an unroutable endpoint', silent, { isRoutable: false }, 'apply'],
    ['a failure at a threshold of one', silent, { threshold: 1 }, 'apply'],
  ]
  for (const [title, result, context, effect] of rows) {
    it(`${effect}: ${title}`, () => {
      assert.equal(weighFailedProbe(result, { ...serving, ...context }), effect)
    })
  }
})
