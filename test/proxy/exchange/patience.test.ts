import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { patienceMs } from '../../../src/proxy/exchange/patience.ts'
import { emptyEstimate } from '../../../src/routing/estimate/estimate.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { routed } from '../../support/exchange.ts'

const free = routed(endpoint({ slot: 0, name: 'free' }))
const full = routed(endpoint({ slot: 1, name: 'full' }))

/** @param times of the free and of the full candidate until the first token, and until a place is free there */
function estimates(times: { free: number; full: number; place: number; confidence?: number }) {
  return {
    estimateFor: (_features: unknown, candidate: typeof free) => ({
      ...emptyEstimate(),
      totalMs: candidate === free ? times.free : times.full,
      confidence: times.confidence ?? 1,
    }),
    freesInMs: () => times.place,
  }
}

describe('a request that has a free candidate and a full one', () => {
  const cases = [
    [
      'waits for the warm one rather than load the model',
      { free: 20_000, full: 500, place: 2_000 },
      1,
      0,
      19_500,
    ],
    [
      'takes the free one if too many are before it',
      { free: 20_000, full: 500, place: 2_000 },
      8,
      0,
      undefined,
    ],
    ['takes the free one if it gains little', { free: 2_800, full: 500, place: 2_000 }, 1, 0, undefined],
    [
      'waits no longer than the free one would take',
      { free: 20_000, full: 500, place: 2_000 },
      1,
      19_600,
      undefined,
    ],
    ['waits only for the rest of that time', { free: 20_000, full: 500, place: 2_000 }, 1, 10_000, 9_500],
    [
      'takes the free one if the other is unknown',
      { free: 20_000, full: 1, place: 1, confidence: 0 },
      1,
      0,
      undefined,
    ],
  ] as const
  for (const [name, times, turns, waitedMs, expected] of cases) {
    it(name, () => {
      assert.equal(patienceMs(estimates(times), undefined, free, [full], turns, waitedMs), expected)
    })
  }

  it('takes it if none is full', () => {
    const found = patienceMs(estimates({ free: 9_000, full: 0, place: 0 }), undefined, free, [], 1, 0)
    assert.equal(found, undefined)
  })
})
