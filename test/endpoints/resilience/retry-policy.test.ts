import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseRetryAfter, RetryPolicy } from '../../../src/endpoints/resilience/retry-policy.ts'

describe('RetryPolicy', () => {
  it('never allows more retries than its budget has earned', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 500 }),
        fc.integer({ min: 1, max: 20 }),
        (steps, burst) => {
          const policy = new RetryPolicy({ retryBudget: { ratio: 0.2, burst } })
          let requests = 0
          let retries = 0
          for (const isRequest of steps) {
            if (isRequest) {
              policy.requestStarted()
              requests++
            } else if (policy.spend()) retries++
          }
          assert.ok(retries <= burst + requests * 0.2 + 1e-9)
        },
      ),
    )
  })

  it('waits longer each round, up to a limit, and ends', () => {
    const bounds = [500, 1000, 2000]
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
        const policy = new RetryPolicy({ random: () => random })
        for (const [index, bound] of bounds.entries()) {
          const wait = policy.waitBeforeRound(index + 1, undefined)
          assert.ok(wait !== undefined && wait >= bound / 2 && wait <= bound)
        }
        assert.equal(policy.waitBeforeRound(4, undefined), undefined)
      }),
    )
  })

  it('honors Retry-After, unless it is too long', () => {
    const policy = new RetryPolicy({ random: () => 0 })
    assert.equal(policy.waitBeforeRound(1, 1500), 1500)
    assert.equal(policy.waitBeforeRound(1, 60_000), undefined)
  })
})

describe('the retry budget', () => {
  it('is full at first, earns with each request, and counts rejections', () => {
    const policy = new RetryPolicy({ retryBudget: { ratio: 0.5, burst: 2 } })
    assert.deepEqual([policy.spend(), policy.spend(), policy.spend()], [true, true, false])
    policy.requestStarted()
    assert.equal(policy.spend(), false)
    policy.requestStarted()
    assert.equal(policy.spend(), true)
    assert.equal(policy.refused, 2)
    for (let request = 0; request < 100; request++) policy.requestStarted()
    assert.equal(policy.budget, 2)
  })
})

describe('parseRetryAfter', () => {
  const nowMs = Date.parse('2026-11-24T10:00:00Z')
  const cases: [string, number | undefined][] = [
    ['5', 5000],
    ['0', 0],
    [' 12 ', 12_000],
    ['Tue, 24 Nov 2026 10:00:30 GMT', 30_000],
    ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['', undefined],
    ['2027', 2_027_000],
    ['Tuesday, 24-Nov-26 10:00:30 GMT', 30_000],
    ['Tue Nov 24 10:00:30 2026 GMT', 30_000],
    ['3601', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Sat, 24 Nov 2096 10:00:00 GMT', 3_600_000],
    ['2026-11-24T10:00:30Z', undefined],
  ]
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(parseRetryAfter(text, nowMs), expected))
  }
})
