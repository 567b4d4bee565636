import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CountedLimit, LimitGroup } from '../../src/cluster/contract/limits.ts'
import { HeldSlots } from '../../src/cluster/limits/held-slots.ts'
import type { Difference } from '../../src/cluster/limits/limit-batch.ts'
import { LimitLeases } from '../../src/cluster/limits/limit-leases.ts'
import { FakeClock } from '../support/fake-clock.ts'

const of: CountedLimit = { key: 'k', limit: 100, bucketMs: 0, span: 0, bucket: 7, ttlMs: 1_000 }
const group: LimitGroup = { limits: [of], slots: [{ key: 's', limit: 50 }] }
const request = { group, amounts: [10], known: [0], decided: 0 }

function create(amount = 30, slots = 2) {
  const clock = new FakeClock()
  const held = new HeldSlots()
  const given: Difference[] = []
  const leases = new LimitLeases(clock, 'limit:', held, (difference) => given.push(difference))
  leases.granted({ group, ms: 200, buckets: [7], amounts: [amount], slots: [slots] }, 0)
  return { clock, held, given, leases }
}

describe('leases of limits', () => {
  it('cover requests until an amount is used up', () => {
    const { leases } = create(30, 50)
    for (let turn = 0; turn < 3; turn++)
      assert.deepEqual(leases.take(request, 0), { kind: 'reserved', buckets: [7] })
    assert.equal(leases.take(request, 0), undefined)
  })

  it('cover requests until the slots are in use, and again when one is free', () => {
    const { leases, held } = create(100, 2)
    assert.ok(leases.take(request, 0))
    assert.ok(leases.take(request, 0))
    assert.equal(leases.take(request, 0), undefined)
    assert.ok(leases.keepsSlots('s'))
    held.giveBack(0, 's', !leases.keepsSlots('s'))
    assert.equal(held.takeChanged().size, 0)
    assert.ok(leases.take(request, 0))
  })

  for (const [what, other] of Object.entries({
    'another limit': { ...of, limit: 99 },
    'another bucket of a calendar': { ...of, bucket: 8 },
    'another key': { ...of, key: 'other' },
  })) {
    it(`do not cover requests of ${what}`, () => {
      const { leases } = create()
      assert.equal(leases.take({ ...request, group: { ...group, limits: [other] } }, 0), undefined)
    })
  }

  it('do not cover requests of another limit of slots', () => {
    const { leases } = create()
    const slots = [{ key: 's', limit: 49 }]
    assert.equal(leases.take({ ...request, group: { ...group, slots } }, 0), undefined)
  })

  it('take what requests use less or more than they have reserved', () => {
    const { leases, given } = create(30, 50)
    assert.equal(leases.settle('k', 7, -5), 0)
    assert.equal(leases.settle('k', 7, 40), 5)
    assert.equal(leases.settle('k', 6, 3), 3)
    assert.equal(leases.settle('other', 7, 3), 3)
    leases.endAll()
    assert.deepEqual(given, [])
  })

  it('end after their time, counted from when the call was sent', async () => {
    const { leases, clock, given, held } = create()
    await clock.advance(199)
    leases.expire()
    assert.ok(leases.take(request, 0))
    await clock.advance(1)
    assert.equal(leases.take(request, 0), undefined)
    assert.equal(leases.settle('k', 7, -4), -4)
    assert.equal(leases.keepsSlots('s'), false)
    // Threads give back what they were lent.
    leases.expire()
    assert.deepEqual(given, [])
    await clock.advance(10)
    leases.expire()
    assert.deepEqual(given, [{ key: 'k', bucket: 7, amount: -20 }])
    assert.deepEqual([...held.takeChanged()], ['s'])
    assert.ok(leases.isEmpty)
    assert.deepEqual(leases.takeFreed(), ['limit:k', 's'])
    assert.deepEqual(leases.takeFreed(), [])
  })

  it('end when another replica wants them, and are not wanted again for a second', async () => {
    const { leases, clock, given } = create()
    for (let turn = 0; turn < 20; turn++) leases.count(group, 1)
    assert.equal(leases.wanted(group), 20)
    assert.equal(leases.recall(['limit:s', 'k']), false)
    assert.equal(leases.recall(['limit:k', 's']), true)
    assert.deepEqual(given, [{ key: 'k', bucket: 7, amount: -30 }])
    assert.deepEqual(leases.takeFreed(), ['limit:k', 's'])
    assert.equal(leases.wanted(group), 0)
    await clock.advance(1_000)
    for (let turn = 0; turn < 20; turn++) leases.count(group, 1)
    assert.equal(leases.wanted(group), 20)
  })

  it('give back what a call has leased whose answer is late', () => {
    const { leases, given } = create()
    leases.tooLate({ group, ms: 200, buckets: [7], amounts: [12], slots: [3] })
    assert.deepEqual(given, [{ key: 'k', bucket: 7, amount: -12 }])
  })

  it('are wanted for as many requests as there were of late, and not for a few', async () => {
    const { leases, clock } = create()
    for (let turn = 0; turn < 7; turn++) leases.count(group, 1)
    assert.equal(leases.wanted(group), 0)
    leases.count(group, 1)
    assert.equal(leases.wanted(group), 8)
    await clock.advance(200)
    leases.count(group, 1)
    assert.equal(leases.wanted(group), 8)
    await clock.advance(400)
    leases.count(group, 1)
    assert.equal(leases.wanted(group), 0)
  })

  it('are lent to threads, each its part, until the lease ends', async () => {
    const { leases, held, clock } = create(90, 30)
    const lent = { amounts: [45], slots: 15, untilMs: 200 }
    assert.equal(leases.hasLent(group), false)
    assert.deepEqual(leases.lend(request, 0, 2), lent)
    assert.equal(held.inUse('s'), 15)
    assert.ok(leases.hasLent(group))
    assert.deepEqual(leases.takeLent(['k', 's', 'other']), ['k', 's'])
    assert.equal(leases.hasLent(group), false)
    // What is left is for less than two requests of this size.
    assert.equal(leases.lend({ ...request, amounts: [23] }, 1, 1), undefined)
    assert.deepEqual(leases.lend(request, 1, 1), lent)
    await clock.advance(1_200)
    leases.expire()
    assert.deepEqual(leases.lentKeys, [])
    assert.equal(leases.lend(request, 1, 1), undefined)
  })

  it('report the slots of the lease, or those in use if they are more', async () => {
    const { leases, held, clock } = create(30, 2)
    assert.equal(leases.slotsOf('s'), 2)
    for (let turn = 0; turn < 3; turn++) held.take(0, 's', true)
    assert.equal(leases.slotsOf('s'), 3)
    held.giveBack(0, 's', false)
    held.giveBack(0, 's', false)
    assert.equal(leases.slotsOf('s'), 2)
    await clock.advance(200)
    assert.equal(leases.slotsOf('s'), 1)
  })
})
