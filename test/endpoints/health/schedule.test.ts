import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nextProbeInMs } from '../../../src/endpoints/health/schedule.ts'

const schedule = { intervalMs: 8000, jitter: 0, maxBackoffMs: 0 }

describe('nextProbeInMs', () => {
  it('probes a failing endpoint early, then at its interval and never later', () => {
    const delays = Array.from({ length: 10 }, (_, failures) => nextProbeInMs(schedule, failures, 0))
    assert.deepEqual(delays, [8000, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000])
  })

  it('backs off further only if that is configured', () => {
    const patient = { ...schedule, maxBackoffMs: 60_000 }
    const delays = Array.from({ length: 10 }, (_, failures) => nextProbeInMs(patient, failures, 0))
    assert.deepEqual(delays, [8000, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  it('is only ever shortened by jitter, by a limited share', () => {
    fc.assert(
      fc.property(
        fc.record({
          intervalMs: fc.integer({ min: 1000, max: 60_000 }),
          jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
          maxBackoffMs: fc.constantFrom(0, 500, 120_000),
        }),
        fc.nat(100),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (some, failures, random) => {
          const exact = nextProbeInMs({ ...some, jitter: 0 }, failures, random)
          const delay = nextProbeInMs(some, failures, random)
          assert.ok(delay <= exact && delay >= exact * (1 - some.jitter) - 1e-6)
          assert.ok(exact <= Math.max(some.intervalMs, some.maxBackoffMs))
          assert.ok(exact >= some.intervalMs / 8)
        },
      ),
    )
  })
})
