import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CapacityQueue } from '../../src/selection/capacity-queue.ts'

function waiter(name: string, slots: readonly number[], woken: string[]) {
  return { wants: (slot: number) => slots.includes(slot), wake: () => void woken.push(name) }
}

describe('CapacityQueue', () => {
  it('wakes the first waiter that can use the freed place', () => {
    const woken: string[] = []
    const queue = new CapacityQueue(10)
    queue.enter(waiter('a', [1], woken))
    queue.enter(waiter('b', [2], woken))
    queue.enter(waiter('c', [2], woken))
    queue.released(2)
    assert.deepEqual(woken, ['b'])
    queue.released(2)
    queue.released(3)
    assert.deepEqual(woken, ['b', 'c'])
    assert.equal(queue.waiting, 1)
  })

  it('refuses beyond its length and counts it', () => {
    const queue = new CapacityQueue(1)
    assert.equal(queue.enter(waiter('a', [1], [])), true)
    assert.equal(queue.enter(waiter('b', [1], [])), false)
    assert.equal(queue.refused, 1)
  })

  it('lets everybody look again when endpoints change, even those that queue anew meanwhile', () => {
    const queue = new CapacityQueue(10)
    let wakes = 0
    const again = {
      wants: () => true,
      wake: () => {
        wakes++
        queue.enter(again)
      },
    }
    queue.enter(again)
    queue.changed()
    assert.equal(wakes, 1)
    assert.equal(queue.waiting, 1)
  })

  it('wakes in order of arrival and each waiter once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }), (slots) => {
        const woken: string[] = []
        const queue = new CapacityQueue(100)
        for (const [index, slot] of slots.entries()) queue.enter(waiter(`${slot}:${index}`, [slot], woken))
        for (let slot = 0; slot <= 3; slot++)
          for (let time = 0; time < slots.length + 1; time++) queue.released(slot)
        const expected = [0, 1, 2, 3].flatMap((slot) =>
          slots.flatMap((each, index) => (each === slot ? [`${slot}:${index}`] : [])),
        )
        assert.deepEqual(woken, expected)
        assert.equal(queue.waiting, 0)
      }),
    )
  })
})
