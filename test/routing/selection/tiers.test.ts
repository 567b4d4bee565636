import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Candidate } from '../../../src/routing/selection/selector.ts'
import { createTiers } from '../../../src/routing/selection/tiers.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const lists = fc
  .array(fc.constantFrom(10, 50, 100), { maxLength: 200 })
  .map((priorities): readonly Candidate[] =>
    priorities.map((priority, slot) => ({ endpoint: endpoint({ slot, priority }) })),
  )

describe('tiers', () => {
  it('contain every candidate once, highest priority first', () => {
    fc.assert(
      fc.property(lists, (candidates) => {
        const tiers = createTiers({ byPriority: true, inOrderUpTo: 8 })(candidates)
        const places = tiers.flat()
        assert.deepEqual(
          places.toSorted((a, b) => a - b),
          candidates.map((_, place) => place),
        )
        const priorities = places.map((place) => candidates[place]?.endpoint.priority ?? 0)
        assert.deepEqual(
          priorities,
          priorities.toSorted((a, b) => b - a),
        )
      }),
    )
  })

  it('are one if priorities are off', () => {
    fc.assert(
      fc.property(lists, (candidates) => {
        const tiers = createTiers({ byPriority: false, inOrderUpTo: 8 })(candidates)
        assert.equal(tiers.length, Math.min(1, candidates.length))
        assert.equal(tiers.flat().length, candidates.length)
      }),
    )
  })

  it('keep the order of the list while they are small, and are spread if they are large', () => {
    const candidates = Array.from({ length: 1_000 }, (_, slot) => ({ endpoint: endpoint({ slot }) }))
    const [small] = createTiers({ byPriority: true, inOrderUpTo: 1_000 })(candidates)
    assert.deepEqual(
      small,
      candidates.map((_, place) => place),
    )
    const [large] = createTiers({ byPriority: true, inOrderUpTo: 999 })(candidates)
    for (let start = 0; start + 12 <= 1_000; start++) {
      const stretch = large?.slice(start, start + 12).toSorted((a, b) => a - b) ?? []
      const first = stretch.filter((place) => place < 500).length
      assert.ok(first >= 4 && first <= 8, `${first} of 12 in the first half`)
    }
  })

  it('are computed once per list', () => {
    const candidates = [{ endpoint: endpoint() }]
    const tiersOf = createTiers({ byPriority: true, inOrderUpTo: 8 })
    assert.equal(tiersOf(candidates), tiersOf(candidates))
  })
})
