import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leaderOf } from '../../src/cluster/membership/rendezvous.ts'
import { shareOf } from '../../src/cluster/membership/shares.ts'

const names = Array.from({ length: 1_000 }, (_, index) => `endpoint-${index}`)

describe('rendezvous hashing', () => {
  it('chooses the same member whatever the order', () => {
    for (const name of names.slice(0, 50))
      assert.equal(leaderOf(name, ['a', 'b', 'c']), leaderOf(name, ['c', 'a', 'b']))
  })

  it('spreads names evenly', () => {
    const counts = new Map<string, number>()
    for (const name of names) {
      const leader = leaderOf(name, ['a', 'b', 'c', 'd']) ?? ''
      counts.set(leader, (counts.get(leader) ?? 0) + 1)
    }
    for (const [member, count] of counts) assert.ok(count > 180 && count < 320, `${member}: ${count}`)
  })

  it('moves only the names of a member that leaves', () => {
    for (const name of names) {
      const before = leaderOf(name, ['a', 'b', 'c'])
      const after = leaderOf(name, ['a', 'c'])
      if (before !== 'b') assert.equal(after, before)
    }
  })

  it('chooses none without members', () => assert.equal(leaderOf('a', []), undefined))
})

describe('shares of a limit', () => {
  const cases: readonly (readonly [limit: number, members: readonly string[], shares: readonly number[]])[] =
    [
      [9, ['a', 'b', 'c'], [3, 3, 3]],
      [8, ['a', 'b', 'c'], [3, 3, 2]],
      [2, ['a', 'b', 'c'], [1, 1, 1]],
      [5, ['a'], [5]],
    ]
  for (const [limit, members, shares] of cases) {
    it(`of ${limit} for ${members.length}`, () =>
      assert.deepEqual(
        members.map((member) => shareOf(limit, member, members)),
        shares,
      ))
  }

  it('is the whole limit for a replica that knows no others', () => assert.equal(shareOf(5, 'a', []), 5))
  it('counts a replica that is no member yet', () => assert.equal(shareOf(4, 'z', ['a']), 2))
})
