import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LentLimits } from '../../src/cluster/contract/lent-limits.ts'
import type { LimitGroup } from '../../src/cluster/contract/limits.ts'

const of = { limit: 100, bucketMs: 0, span: 0, bucket: 7, ttlMs: 1_000 }
const group: LimitGroup = {
  limits: [
    { key: 'a', ...of },
    { key: 'b', ...of },
  ],
  slots: [{ key: 's', limit: 50 }],
}
const buckets = [7, 8]
const request = { group, amounts: [1, 10], known: [0, 0], decided: 0 }

const lend = (slots = 2, amounts = [5, 30]) =>
  new LentLimits(group, buckets, { amounts, slots, untilMs: 200 })

describe('limits that are lent to a thread', () => {
  it('cover requests until an amount or the slots are used up', () => {
    const bySlots = lend()
    assert.deepEqual(
      [1, 2, 3].map((ms) => bySlots.take(request, ms)),
      [true, true, false],
    )
    const byAmount = lend(10)
    assert.deepEqual(
      [1, 2, 3, 4].map((ms) => byAmount.take(request, ms)),
      [true, true, true, false],
    )
    // What a request has not got changes nothing.
    assert.deepEqual(byAmount.end(), { group, buckets, amounts: [-2, -0], slots: 7 })
  })

  it('cover no requests of another group, or after their time', () => {
    assert.equal(lend().take({ ...request, group: { ...group } }, 0), false)
    assert.equal(lend().take(request, 200), false)
  })

  it('take the slots of requests that are over, and what they used less', () => {
    const lent = lend(1)
    assert.ok(lent.take(request, 0))
    const amounts = [0, -4]
    assert.ok(lent.settle({ group, buckets, amounts }, 1))
    assert.deepEqual(amounts, [0, 0])
    assert.deepEqual(lent.end(), { group, buckets, amounts: [-4, -24], slots: 1 })
  })

  it('leave to the control thread what requests used beyond it', () => {
    const lent = lend(1)
    const amounts = [0, 50]
    assert.ok(lent.settle({ group, buckets, amounts }, 1))
    assert.deepEqual(amounts, [0, 20])
    assert.deepEqual(lent.end()?.amounts, [-5, -0])
  })

  for (const [what, settled] of Object.entries({
    'counted in another bucket': { group, buckets: [7, 9], amounts: [0, 1] },
    'the server has not decided about': { group, buckets: undefined, amounts: [0, 1] },
    'of another group': { group: { ...group }, buckets, amounts: [0, 1] },
  })) {
    it(`take nothing of a request that is ${what}`, () => {
      const lent = lend()
      assert.equal(lent.settle(settled, 1), false)
      assert.deepEqual(settled.amounts, [0, 1])
    })
  }

  it('end once', () => {
    const lent = lend()
    assert.ok(lent.end())
    assert.equal(lent.end(), undefined)
    assert.equal(lent.take(request, 0), false)
    assert.equal(lent.settle({ group, buckets, amounts: [0, 0] }, 0), false)
  })
})
