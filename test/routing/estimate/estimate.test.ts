import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type CandidateSnapshot,
  emptyEstimate,
  emptySnapshot,
  estimateFirstToken,
  freesInMs,
} from '../../../src/routing/estimate/estimate.ts'

/** An idle endpoint with known rates. */
const idle: CandidateSnapshot = {
  ...emptySnapshot(),
  promptTokens: 1_000,
  baseMs: 50,
  tokenMs: 0.2,
  busyMs: 30,
  rateConfidence: 0.8,
  usualFirstMs: 150,
  usualTotalMs: 6_000,
}

const estimate = (changes: Partial<CandidateSnapshot>) =>
  estimateFirstToken({ ...idle, ...changes }, emptyEstimate())

describe('estimateFirstToken', () => {
  const cases: readonly {
    name: string
    changes: Partial<CandidateSnapshot>
    terms: Partial<ReturnType<typeof estimate>['terms']>
  }[] = [
    {
      name: 'an idle endpoint computes the prompt',
      changes: {},
      terms: { waitingMs: 0, prefillMs: 250, loadMs: 0, decodeMs: 0 },
    },
    { name: 'cached tokens cost nothing', changes: { cachedTokens: 750 }, terms: { prefillMs: 100 } },
    {
      name: 'more cached tokens than the prompt has are not a gain',
      changes: { cachedTokens: 9_000 },
      terms: { prefillMs: 50 },
    },
    { name: 'a cold model is loaded', changes: { loadMs: 9_000 }, terms: { loadMs: 9_000 } },
    {
      name: 'prompts ahead',
      changes: { inFlight: 2, awaiting: 2, aheadMs: 700 },
      terms: { waitingMs: 700, decodeMs: 20 },
    },
    {
      name: 'no prompts ahead once all have their first token',
      changes: { inFlight: 2, aheadMs: 700 },
      terms: { waitingMs: 0 },
    },
    {
      name: 'an endpoint that is behind stays behind',
      changes: { inFlight: 1, awaiting: 1, overdueMs: 3_000 },
      terms: { waitingMs: 3_000 },
    },
    {
      name: "others' requests that wait",
      changes: { others: 5, waiting: 3 },
      terms: { waitingMs: 450, decodeMs: 25 },
    },
    {
      name: 'own requests that wait in the engine are not counted twice',
      changes: { inFlight: 3, awaiting: 3, aheadMs: 300, others: 0, waiting: 3 },
      terms: { waitingMs: 300 },
    },
    { name: 'free places', changes: { maxRunning: 4, inFlight: 3 }, terms: { waitingMs: 0 } },
    { name: 'no free place', changes: { maxRunning: 4, inFlight: 5 }, terms: { waitingMs: 3_000 } },
    { name: 'a full KV cache', changes: { kvUsed: 1, inFlight: 2 }, terms: { decodeMs: 20 + 3_000 } },
    { name: 'a KV cache with room', changes: { kvUsed: 0.8, inFlight: 2 }, terms: { decodeMs: 20 } },
  ]
  for (const { name, changes, terms } of cases) {
    it(name, () => {
      const found = estimate(changes)
      assert.deepEqual(
        Object.fromEntries(Object.entries(found.terms).map(([term, ms]) => [term, Math.round(ms)])),
        {
          ...Object.fromEntries(Object.entries(found.terms).map(([term, ms]) => [term, Math.round(ms)])),
          ...terms,
        },
      )
    })
  }

  const some = fc.record({
    promptTokens: fc.nat(100_000),
    cachedTokens: fc.nat(100_000),
    inFlight: fc.nat(100),
    awaiting: fc.nat(20),
    aheadMs: fc.nat(100_000),
    overdueMs: fc.nat(10_000),
    others: fc.option(fc.nat(100), { nil: Number.NaN }),
    waiting: fc.option(fc.nat(100), { nil: Number.NaN }),
    maxRunning: fc.option(fc.integer({ min: 1, max: 256 }), { nil: Number.NaN }),
    kvUsed: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: Number.NaN }),
    loadMs: fc.nat(60_000),
    signalAgeMs: fc.option(fc.nat(100_000), { nil: Number.NaN }),
  })

  it('is the sum of its terms, and none is negative or unknown', () => {
    fc.assert(
      fc.property(some, (changes) => {
        const { totalMs, terms, confidence } = estimate(changes)
        const values = Object.values(terms)
        for (const ms of values) assert.ok(ms >= 0 && Number.isFinite(ms), JSON.stringify(terms))
        assert.ok(Math.abs(totalMs - values.reduce((sum, ms) => sum + ms, 0)) < 1e-6)
        assert.ok(confidence >= 0 && confidence <= 1)
      }),
    )
  })

  it('never falls with more work, and never rises with more cached tokens', () => {
    fc.assert(
      fc.property(some, fc.nat(50), (changes, more) => {
        const before = estimate(changes).totalMs
        const grown: Partial<CandidateSnapshot>[] = [
          { promptTokens: changes.promptTokens + more },
          { loadMs: changes.loadMs + more },
          { aheadMs: changes.aheadMs + more },
        ]
        for (const each of grown) assert.ok(estimate({ ...changes, ...each }).totalMs >= before - 1e-6)
        assert.ok(
          estimate({ ...changes, cachedTokens: changes.cachedTokens + more }).totalMs <= before + 1e-6,
        )
      }),
    )
  })

  it('takes an unknown signal as unknown: own counts remain', () => {
    const unknown = { others: Number.NaN, waiting: Number.NaN, maxRunning: Number.NaN, kvUsed: Number.NaN }
    const own = { inFlight: 4, awaiting: 1, aheadMs: 200 }
    assert.equal(estimate({ ...own, ...unknown }).totalMs, 200 + 250 + 24)
  })

  it('trusts old signals less', () => {
    assert.equal(estimate({ signalAgeMs: 500 }).confidence, 0.8)
    assert.ok(estimate({ signalAgeMs: 30_000 }).confidence < 0.8)
    assert.equal(estimate({ signalAgeMs: 30_000 }).hasOldSignals, true)
  })
})

describe('freesInMs', () => {
  it('is the time of a usual request over the number of requests', () => {
    assert.equal(freesInMs({ inFlight: 0, others: Number.NaN, usualTotalMs: 6_000 }), 0)
    assert.equal(freesInMs({ inFlight: 1, others: Number.NaN, usualTotalMs: 6_000 }), 6_000)
    assert.equal(freesInMs({ inFlight: 1, others: 2, usualTotalMs: 6_000 }), 2_000)
  })
})
