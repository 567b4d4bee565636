import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CountedLimit } from '../../src/cluster/contract/limits.ts'
import { KnownAmounts } from '../../src/cluster/limits/known-amounts.ts'

const limitOf = (key: string, span = 2): CountedLimit => ({
  ...{ key, limit: 10, bucketMs: span === 0 ? 0 : 1_000, span, bucket: 0, ttlMs: 4_000 },
})

describe('known amounts', () => {
  it('keep the last value of each bucket that counts', () => {
    const known = new KnownAmounts(10)
    const of = limitOf('a')
    for (const [call, bucket, amount] of [
      [1, 5, 1],
      [2, 6, 2],
      [3, 5, 9],
      [4, 8, 3],
    ] as const)
      known.saw(of, bucket, amount, { call, atUs: call * 10 })
    assert.deepEqual(
      known.after(0).map(({ bucket, amount, atUs }) => [bucket, amount, atUs]),
      [
        [6, 2, 20],
        [8, 3, 40],
      ],
    )
    assert.deepEqual(
      known.after(2).map(({ bucket }) => bucket),
      [8],
    )
  })

  it('change only what has been seen', () => {
    const known = new KnownAmounts(10)
    known.saw(limitOf('a'), 5, 1, { call: 1, atUs: 1 })
    known.changed('a', 5, 7, { call: 2, atUs: 2 })
    known.changed('a', 4, 7, { call: 2, atUs: 2 })
    known.changed('b', 5, 7, { call: 2, atUs: 2 })
    assert.deepEqual(
      known.after(0).map(({ of, bucket, amount, atUs }) => [of.key, bucket, amount, atUs]),
      [['a', 5, 7, 2]],
    )
  })

  it('are bounded, and make room for others when they no longer count', () => {
    const known = new KnownAmounts(1_500)
    for (let at = 0; at < 3_000; at++) known.saw(limitOf(`old ${at}`), 1, 1, { call: 1, atUs: 0 })
    assert.equal(known.size, 1_500)
    for (let at = 0; at < 3_000; at++) known.saw(limitOf(`new ${at}`), 9, 1, { call: 2, atUs: 9_000_000 })
    assert.equal(known.size, 1_500)
    assert.ok(known.after(0).every(({ of }) => of.key.startsWith('new')))
  })
})
