import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createFairLoad, fairLimit } from '../../../src/routing/affinity/load-bound.ts'
import type { Candidate } from '../../../src/routing/selection/selector.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const settings = fc.array(
  fc.record({
    priority: fc.constantFrom(1, 2),
    weight: fc.constantFrom(0.5, 1, 4),
    requests: fc.nat(20),
    penalty: fc.nat(4),
    admits: fc.boolean(),
    excluded: fc.boolean(),
  }),
  { maxLength: 8 },
)

describe('the fair load', () => {
  it('is that of the available endpoints, or of the highest tier if tiers apply', () => {
    fc.assert(
      fc.property(settings, fc.boolean(), (all, priorityTiers) => {
        const candidates = all.map(({ priority, weight }, slot) => ({
          endpoint: endpoint({ slot, priority, weight }),
        }))
        const load = {
          inFlight: (slot: number) => all[slot]?.requests ?? 0,
          penalty: (each: Candidate) => all[each.endpoint.slot]?.penalty ?? 0,
          share: () => 1,
          admits: (each: Candidate) => all[each.endpoint.slot]?.admits ?? false,
        }
        const excluded = new Set(all.flatMap((each, slot) => (each.excluded ? [slot] : [])))
        const open = all.filter(({ admits, excluded: isOut }) => admits && !isOut)
        const top = Math.max(...open.map(({ priority }) => priority))
        const expected = priorityTiers ? open.filter(({ priority }) => priority === top) : open
        const fair = createFairLoad(load, priorityTiers)(candidates, excluded)
        assert.deepEqual(
          fair.able.map(({ endpoint: { slot } }) => all[slot]),
          expected,
        )
        const sum = (read: (each: (typeof all)[number]) => number) =>
          expected.reduce((total, each) => total + read(each), 0)
        assert.equal(
          fair.requests,
          sum(({ requests, penalty }) => requests + penalty),
        )
        assert.equal(
          fair.weight,
          sum(({ weight }) => weight),
        )
      }),
    )
  })

  it('is unlimited at 0, and lets an idle fleet start', () => {
    assert.equal(fairLimit(0, 0, { requests: 1_000, weight: 4 }), Number.POSITIVE_INFINITY)
    assert.equal(fairLimit(1.5, 1, { requests: 0, weight: 4 }), 1)
    assert.equal(fairLimit(1.5, 1, { requests: 40, weight: 4 }), 16)
    assert.equal(fairLimit(1.5, 1, { requests: 0, weight: 0 }), 1)
  })

  it('is sampled if there are many endpoints', () => {
    const candidates = Array.from({ length: 400 }, (_, slot) => ({ endpoint: endpoint({ slot }) }))
    let looks = 0
    const load = {
      inFlight: () => 3,
      penalty: () => 0,
      share: () => 1,
      admits: () => ++looks > 10,
    }
    const fair = createFairLoad(load, true)(candidates, undefined)
    assert.deepEqual([fair.able.length, fair.isWhole, looks], [32, false, 42])
    assert.equal(fairLimit(1, 1, fair), 4)
  })
})
