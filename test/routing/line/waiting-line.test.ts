import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { lineCells } from '../../../src/routing/line/line-cells.ts'
import { WaitingLine } from '../../../src/routing/line/waiting-line.ts'
import { connectLinks } from '../../support/links.ts'
import { lineOptions, lineWaiter, ownQueue, startedClock, ticket } from '../../support/queue.ts'
import { eventually } from '../../support/simulator.ts'
import { threadStates } from '../../support/threads.ts'

function waiter(name: string, slots: readonly number[], woken: string[]) {
  return lineWaiter(name, { slots }, woken)
}

describe('WaitingLine', () => {
  it('wakes the first waiter that can use the freed slot', () => {
    const woken: string[] = []
    const queue = new WaitingLine(lineOptions(), ownQueue())
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

  it('rejects beyond its maximum length, and counts', () => {
    const cells = ownQueue()
    const queue = new WaitingLine(lineOptions({ maxWaiting: 1 }), cells)
    assert.equal(queue.enter(waiter('a', [1], [])), undefined)
    assert.deepEqual(queue.enter(waiter('b', [1], [])), {
      reason: 'full',
      retryAfterSeconds: 1,
      waiting: 1,
      waitMs: undefined,
    })
    assert.equal(cells.counts.sum(0, cells.counts.column('full')), 1)
  })

  it('re-checks all waiters when endpoints change, including those that requeue meanwhile', () => {
    const queue = new WaitingLine(lineOptions(), ownQueue())
    let wakes = 0
    const again = {
      ticket: () => ticket(),
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

  it('wakes in order of arrival, and each waiter once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }), (slots) => {
        const woken: string[] = []
        const queue = new WaitingLine(lineOptions(), ownQueue())
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

  it('keeps the position and time of a waiter that was woken in vain', async () => {
    const clock = await startedClock()
    const queue = new WaitingLine(lineOptions(), ownQueue(clock))
    const woken: string[] = []
    let tries = 0
    const patient = {
      ticket: () => ticket(),
      wants: () => true,
      wake: () => {
        woken.push('patient')
        if (++tries < 3) queue.enter(patient)
      },
    }
    queue.enter(patient)
    await clock.advance(100)
    queue.enter(waiter('later', [1], woken))
    queue.released(1)
    assert.equal(queue.waitedMs(patient), 100)
    queue.released(1)
    queue.released(1)
    queue.released(1)
    assert.deepEqual(woken, ['patient', 'patient', 'patient', 'later'])
    assert.deepEqual([queue.waiting, queue.waitedMs(patient)], [0, 0])
  })

  it('re-checks the waiters of a paused endpoint', () => {
    const woken: string[] = []
    const queue = new WaitingLine(lineOptions({ maxWaiting: 3 }), ownQueue())
    queue.paused(1)
    queue.enter(waiter('a', [1], woken))
    queue.enter(waiter('b', [2], woken))
    queue.enter(waiter('c', [1, 2], woken))
    assert.equal(queue.hasRoom, false)
    queue.paused(1)
    assert.deepEqual(woken, ['a', 'c'])
    assert.equal(queue.hasRoom, true)
    assert.equal(new WaitingLine(lineOptions({ maxWaiting: 0 }), ownQueue()).hasRoom, false)
  })

  it('removes a waiter that leaves while it is being woken', () => {
    const queue = new WaitingLine(lineOptions(), ownQueue())
    const leaving = { ticket: () => ticket(), wants: () => true, wake: () => queue.leave(leaving) }
    queue.enter(leaving)
    queue.released(0)
    queue.leave(leaving)
    assert.equal(queue.waiting, 0)
  })
})

describe('queues of several threads', () => {
  async function connected(t: TestContext, maxWaiting: number) {
    const clock = await startedClock()
    const { serving } = connectLinks(t, 3)
    const states = threadStates(3)
    const queues = serving.map((link, thread) => {
      const cells = states[thread]?.of(lineCells) ?? assert.fail()
      return new WaitingLine(lineOptions({ maxWaiting }), { ...cells, clock, link })
    })
    return { clock, queues, woken: [] as string[] }
  }

  it('are together limited to the length of one', async (t) => {
    const { queues } = await connected(t, 3)
    const entered = [0, 1, 2, 0].map((thread) => queues[thread]?.enter(waiter('', [], [])))
    assert.deepEqual(
      entered.map((refusal) => refusal?.reason),
      [undefined, undefined, undefined, 'full'],
    )
    assert.deepEqual(
      queues.map(({ waiting }) => waiting),
      [3, 3, 3],
    )
  })

  it('give a slot to the longest-waiting request, whichever thread freed it', async (t) => {
    const { clock, queues, woken } = await connected(t, 100)
    // Thread 0 comes first for another endpoint, so that its own waiters look older than they are.
    queues[0]?.enter(waiter('elsewhere', [3], woken))
    const order = [1, 2, 0, 2, 1, 0, 0, 1]
    for (const [index, thread] of order.entries()) {
      await clock.advance(1)
      queues[thread]?.enter(waiter(`${index} on ${thread}`, [1], woken))
    }
    for (let freed = 1; freed <= order.length; freed++) {
      queues[freed % 3]?.released(1)
      await eventually(() => woken.length === freed)
    }
    assert.deepEqual(
      woken,
      order.map((thread, index) => `${index} on ${thread}`),
    )
    queues[1]?.released(3)
    await eventually(() => woken.at(-1) === 'elsewhere')
    assert.equal(queues[0]?.waiting, 0)
  })

  it('keep the order if all wait for the same endpoint', async (t) => {
    const { clock, queues, woken } = await connected(t, 100)
    const order = [1, 2, 0, 2, 1, 0, 0, 1]
    for (const [index, thread] of order.entries()) {
      await clock.advance(1)
      queues[thread]?.enter(waiter(`${index} on ${thread}`, [1], woken))
    }
    for (let freed = 1; freed <= order.length; freed++) {
      queues[freed % 3]?.released(1)
      await eventually(() => woken.length === freed)
    }
    assert.deepEqual(
      woken,
      order.map((thread, index) => `${index} on ${thread}`),
    )
  })

  it('give a slot that no other waiter wants to the one that does', async (t) => {
    const { clock, queues, woken } = await connected(t, 100)
    queues[1]?.enter(waiter('other 1', [2], woken))
    queues[2]?.enter(waiter('other 2', [2], woken))
    await clock.advance(5)
    queues[0]?.enter(waiter('mine', [1], woken))
    queues[0]?.released(1)
    await eventually(() => woken.length === 1)
    assert.deepEqual(woken, ['mine'])
    // And one that none wants goes nowhere.
    queues[0]?.released(0)
    queues[2]?.released(2)
    queues[2]?.released(2)
    await eventually(() => woken.length === 3)
  })

  it('are all notified of an endpoint that pauses', async (t) => {
    const { queues, woken } = await connected(t, 100)
    for (const [thread, queue] of queues.entries()) {
      queue.enter(waiter(`${thread}`, [1], woken))
      queue.enter(waiter(`other ${thread}`, [2], woken))
    }
    queues[1]?.paused(1)
    await eventually(() => woken.length === 3)
    assert.deepEqual(woken.toSorted(), ['0', '1', '2'])
    assert.equal(queues[0]?.waiting, 3)
  })

  it('find a taker for every freed slot, whatever the waiters want', async (t) => {
    const step = fc.record({ thread: fc.nat(2), slot: fc.nat(2) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { clock, queues, woken } = await connected(t, 100)
        for (const { thread, slot } of steps) {
          await clock.advance(1)
          queues[thread]?.enter(waiter(String(slot), [slot], woken))
        }
        for (const [index, { slot }] of steps.entries()) {
          queues[(index + slot) % 3]?.released(slot)
          await eventually(() => woken.length === index + 1)
          assert.equal(woken.at(-1), String(slot))
        }
        assert.equal(queues[0]?.waiting, 0)
      }),
      { numRuns: 30 },
    )
  })
})
