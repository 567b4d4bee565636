import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildTables } from '../../../src/kernel/cells/layout.ts'
import { ownPlace } from '../../../src/kernel/cells/table-place.ts'
import {
  maxHolders,
  PrefixIndex,
  PrefixMatches,
  prefixCells,
} from '../../../src/routing/estimate/prefix-index.ts'
import { promptOf, StillClock } from './support.ts'

function world() {
  const clock = new StillClock()
  const index = new PrefixIndex(
    clock,
    buildTables(prefixCells.kinds({ endpoints: 8, models: 8 }), ownPlace()),
  )
  const found = (names: readonly string[], counts = false) => {
    const { count, slots, bytes, sharedBytes } = index.find(promptOf(names, 100), new PrefixMatches(), counts)
    return { at: Array.from({ length: count }, (_, at) => [slots[at], bytes[at]]), sharedBytes }
  }
  const add = (names: readonly string[], slot: number) => index.add(promptOf(names, 100), slot)
  return { clock, index, found, add }
}

describe('PrefixIndex', () => {
  it('finds the longest prefix of each endpoint, with the answer that it generated after it', () => {
    const { found, add } = world()
    add(['a', 'b'], 1)
    add(['a', 'b', 'c', 'd'], 2)
    assert.deepEqual(found(['a', 'b', 'c', 'd', 'e', 'f']).at, [
      [2, 500],
      [1, 300],
    ])
    // The last message is the question, not an answer.
    assert.deepEqual(found(['a', 'b', 'x']).at, [[1, 200]])
    assert.deepEqual(found(['a', 'x']).at, [[1, 100]])
    assert.deepEqual(found(['z']).at, [])
  })

  it('finds what an endpoint has of the first texts, and knows the shorter parts of each', () => {
    const { index } = world()
    const blocks = (keys: number[]) => ({ keys, sizes: keys.map((_, at) => (at + 1) * 1_000) })
    const ask = (names: readonly string[], keys: number[]) => ({
      ...promptOf(names, 10_000, true),
      blocks: blocks(keys),
    })
    const at = (features: ReturnType<typeof ask>) => {
      const { count, slots, bytes } = index.find(features, new PrefixMatches(), false)
      return Array.from({ length: count }, (_, each) => [slots[each], bytes[each]])
    }
    index.add(ask(['head a', 'x'], [11, 12, 13, 14]), 1)
    index.add(ask(['head b', 'y'], [11, 12, 23, 24]), 2)
    assert.deepEqual(at(ask(['head c', 'z'], [11, 12, 13, 34])), [
      [1, 3_000],
      [2, 2_000],
    ])
    // The whole head is more than a part of it.
    assert.deepEqual(at(ask(['head b', 'z'], [11, 12, 23, 24])), [
      [2, 10_000],
      [1, 2_000],
    ])
    assert.deepEqual(at(ask(['head d', 'z'], [41, 42])), [])
  })

  it('forgets an endpoint that lost its caches, and prefixes that are not used', () => {
    const { clock, index, found, add } = world()
    add(['a', 'b'], 1)
    add(['a', 'b'], 2)
    index.purge(2)
    assert.deepEqual(found(['a', 'b']).at, [[1, 200]])
    clock.advance(700_000)
    assert.deepEqual(found(['a', 'b']).at, [])
  })

  it('counts a prefix as shared once many requests use it, the sooner the fewer endpoints have it', () => {
    const { found, add } = world()
    add(['a', 'b'], 1)
    let uses = 0
    while (found(['a', 'b', `${uses}`], true).sharedBytes === 0) uses++
    assert.equal(uses, 2)
    add(['a', 'b'], 2)
    while (found(['a', 'b', `${uses}`], true).sharedBytes === 0) uses++
    assert.equal(uses, 5)
  })

  it('counts a prefix as cached everywhere once it is on many endpoints', () => {
    const { found, add } = world()
    for (let slot = 0; slot < maxHolders; slot++) add(['a', 'b'], slot)
    assert.equal(found(['a', 'b', 'c']).sharedBytes, 200)
    assert.equal(found(['a', 'b', 'c']).at.length, maxHolders)
  })
})
