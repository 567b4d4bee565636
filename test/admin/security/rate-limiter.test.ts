import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasLimits, RateLimiter, type RateLimits } from '../../../src/admin/security/rate-limiter.ts'
import { SharedLimitStore } from '../../../src/admin/security/shared-limit-store.ts'

const off: RateLimits = {
  globalRequestsPerMinute: 0,
  perIpRequestsPerMinute: 0,
  healthRequestsPerMinute: 0,
  burstSize: 2,
  globalBurstSize: 3,
}

function limiter(options: Partial<RateLimits>): RateLimiter {
  return new RateLimiter(new SharedLimitStore(64), { ...off, ...options })
}

describe('a rate limiter', () => {
  it('makes no decision without limits', () => {
    const none = limiter({})
    assert.equal(hasLimits(off), false)
    assert.equal(none.check('proxy', 'a', 0), undefined)
    assert.equal(none.check('internal', 'a', 0), undefined)
  })

  it('reports the limit closest to exhaustion', () => {
    const both = limiter({ globalRequestsPerMinute: 60, perIpRequestsPerMinute: 30 })
    const seen = ['a', 'b', 'b', 'c'].map((client) => both.check('proxy', client, 0))
    assert.deepEqual(
      seen.map((decision) => [decision?.limit, decision?.remaining, decision?.allowed]),
      [
        [30, 1, true],
        [30, 1, true],
        [30, 0, true],
        [60, 0, false],
      ],
    )
    assert.equal(seen[3]?.retryAfterMs, 1_000)
  })

  it('takes no token from the common bucket for a client over its own limit', () => {
    const both = limiter({ globalRequestsPerMinute: 60, perIpRequestsPerMinute: 30 })
    for (let count = 0; count < 2; count++) both.check('proxy', 'a', 0)
    assert.deepEqual(
      [both.check('proxy', 'a', 0), both.check('proxy', 'a', 0)].map((decision) => decision?.limit),
      [30, 30],
    )
    assert.equal(both.check('proxy', 'b', 0)?.allowed, true)
  })

  it('does not spend the allowance of a client that the common limit refuses', () => {
    const both = limiter({ globalRequestsPerMinute: 60, perIpRequestsPerMinute: 30, globalBurstSize: 1 })
    both.check('proxy', 'a', 0)
    for (let count = 0; count < 5; count++) assert.equal(both.check('proxy', 'b', 0)?.limit, 60)
    const later = both.check('proxy', 'b', 1_000)
    assert.deepEqual([later?.allowed, later?.limit], [true, 60])
    assert.equal(both.check('proxy', 'b', 2_000)?.allowed, true)
  })

  it('lets a client burst by at least 100 requests on the internal routes', () => {
    for (const [burstSize, burst] of [
      [1, 100],
      [150, 150],
    ] as const) {
      const internal = limiter({ healthRequestsPerMinute: 60, burstSize })
      for (let count = 0; count < burst; count++)
        assert.equal(internal.check('internal', 'a', 0)?.allowed, true)
      assert.equal(internal.check('internal', 'a', 0)?.allowed, false)
      assert.equal(internal.check('internal', 'b', 0)?.allowed, true)
      assert.equal(internal.check('proxy', 'a', 0), undefined)
    }
  })

  it('lets all clients together burst by a minute of requests by default', () => {
    const common = limiter({ globalRequestsPerMinute: 3, globalBurstSize: 0 })
    const allowed = ['a', 'b', 'c', 'd'].map((client) => common.check('proxy', client, 0)?.allowed)
    assert.deepEqual(allowed, [true, true, true, false])
  })
})
