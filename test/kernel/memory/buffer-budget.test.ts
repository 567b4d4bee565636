import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import type { GatewayError } from '../../../src/kernel/errors.ts'
import type { BufferHold } from '../../../src/kernel/memory/buffer-budget.ts'
import { bufferedLimit, patienceFor } from '../../../src/kernel/memory/memory-limit.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { budgetOf } from '../../support/buffer-budget.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const kb = 1_024
const mb = 1_024 * kb
const never = () => assert.fail('nothing waits here')

/** Requests memory and reports the results. */
function take(hold: BufferHold, bytes: number) {
  const told: (GatewayError | 'room')[] = []
  if (hold.take(bytes, (error) => told.push(error ?? 'room'))) told.push('room')
  const codes = () => told.map((each) => (each === 'room' ? each : each.code))
  return { told, codes }
}

describe('the body budget', () => {
  it('counts the bytes of all requests in flight, and none of finished ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.nat(5_000), fc.constantFrom('take', 'shrink', 'release'))),
        (steps) => {
          const budget = budgetOf(0)
          const holds = Array.from({ length: 5 }, () => budget.open())
          for (const [at, bytes, step] of steps) {
            const hold = holds[at] ?? assert.fail()
            if (step === 'take') hold.take(bytes, never)
            else if (step === 'shrink') hold.shrink(bytes)
            else hold.release()
            assert.equal(
              budget.heldBytes,
              holds.reduce((sum, each) => sum + each.bytes, 0),
            )
          }
          for (const hold of holds) hold.release()
          assert.equal(budget.heldBytes, 0)
        },
      ),
    )
  })

  it('makes a request wait until another one finishes', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(100 * kb, clock)
    const [first, second] = [budget.open(), budget.open()]
    assert.ok(first.take(80 * kb, never))
    const waiting = take(second, 30 * kb)
    await clock.advance(1_000)
    assert.deepEqual([waiting.codes(), budget.waiting], [[], 1])
    first.release()
    assert.deepEqual([waiting.codes(), budget.heldBytes, budget.waiting], [['room'], 30 * kb, 0])
    await clock.advance(60_000)
    assert.equal(clock.armed, 0)
  })

  it('rejects a request that has waited too long in total', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(100 * kb, clock, { patienceMs: 3_000 })
    const [first, second] = [budget.open(), budget.open()]
    first.take(100 * kb, never)
    const once = take(second, kb)
    await clock.advance(2_000)
    first.shrink(99 * kb)
    assert.deepEqual(once.codes(), ['room'])
    const again = take(second, kb)
    await clock.advance(900)
    assert.deepEqual(again.codes(), [])
    await clock.advance(200)
    assert.deepEqual([again.codes(), budget.refusals, budget.heldBytes], [['memory_busy'], 1, 99 * kb])
    const [error] = again.told
    assert.ok(error !== undefined && error !== 'room')
    assert.deepEqual([error.statusCode, error.retryAfterSeconds], [503, 1])
  })

  it('rejects the large one, then the newest, of requests that block each other', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(10 * mb, clock, { patienceMs: 60_000 })
    const holds = [3 * mb, 6 * mb - 512 * kb, 512 * kb, 512 * kb].map((bytes) => {
      const hold = budget.open()
      assert.ok(hold.take(bytes, never))
      return hold
    })
    budget.open().take(512 * kb, never)
    const waits = holds.map((hold) => take(hold, mb))
    const codes = () => waits.map((wait) => wait.codes()[0])
    await clock.advance(900)
    assert.deepEqual(codes(), [undefined, undefined, undefined, undefined])
    await clock.advance(200)
    // The newer one of the large ones makes room for all others.
    assert.deepEqual(codes(), ['room', 'memory_busy', 'room', 'room'])
  })

  it('rejects the lowest priority first of requests that block each other', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(6 * kb, clock, { patienceMs: 60_000 })
    const holds = [1, 0, 2].map((rank) => {
      const hold = budget.open(rank)
      assert.ok(hold.take(2 * kb, never))
      return hold
    })
    const waits = holds.map((hold) => take(hold, kb))
    await clock.advance(1_200)
    assert.deepEqual(
      waits.map((wait) => wait.codes()[0]),
      ['room', 'memory_busy', 'room'],
    )
  })

  it('uses a custom order', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(4 * kb, clock, {
      patienceMs: 60_000,
      ranksBelow: (one, other) => one.serial < other.serial,
    })
    const holds = [budget.open(), budget.open()]
    for (const hold of holds) hold.take(2 * kb, never)
    const waits = holds.map((hold) => take(hold, kb))
    await clock.advance(1_200)
    assert.deepEqual(
      waits.map((wait) => wait.codes()),
      [['memory_busy'], ['room']],
    )
  })

  it('does not reject early requests that only others can unblock', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(100 * kb, clock, { patienceMs: 5_000 })
    budget.open().take(100 * kb, never)
    const waits = [1, 2, 3].map(() => take(budget.open(), kb))
    await clock.advance(4_800)
    assert.ok(waits.every((wait) => wait.told.length === 0))
    await clock.advance(300)
    assert.ok(waits.every((wait) => wait.codes()[0] === 'memory_busy'))
  })

  it('reserves an eighth for small requests', () => {
    const budget = budgetOf(16 * mb)
    assert.equal(budget.open().tryTake(15 * mb), false)
    assert.equal(budget.open().tryTake(14 * mb), true)
    assert.equal(budget.open().tryTake(2 * mb), false)
    assert.equal(budget.open().tryTake(mb), true)
    assert.equal(budget.maxBodyBytes(100 * mb), 14 * mb)
  })

  it('limits the number of waiting requests', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(kb, clock)
    budget.open().take(kb, never)
    const waits = Array.from({ length: 257 }, () => take(budget.open(), kb))
    await clock.advance(0)
    assert.equal(waits.filter((wait) => wait.codes()[0] === 'memory_busy').length, 1)
    assert.equal(budget.waiting, 256)
  })

  it('forgets a request that ends while it waits', async () => {
    const clock = new FakeClock()
    const budget = budgetOf(kb, clock)
    const [first, second] = [budget.open(), budget.open()]
    first.take(kb, never)
    const waiting = take(second, kb)
    second.release()
    first.release()
    await clock.advance(10_000)
    assert.deepEqual([waiting.told, budget.heldBytes, clock.armed], [[], 0, 0])
  })

  it('is shared by all threads, and regains what an ended thread held', async () => {
    const clock = new FakeClock()
    const blocks = new SharedBlocks(2, 0)
    const gauge = new Gauge(1, blocks.place('buffered'))
    const one = budgetOf(10 * kb, clock, {}, gauge)
    const other = budgetOf(
      10 * kb,
      clock,
      {},
      new Gauge(1, new SharedBlocks(2, 1, blocks.description).place('buffered')),
    )
    other.open().take(8 * kb, never)
    const waiting = take(one.open(), 4 * kb)
    await clock.advance(500)
    assert.deepEqual([waiting.told, one.heldBytes], [[], 8 * kb])
    gauge.reclaim(1)
    await clock.advance(200)
    assert.deepEqual([waiting.codes(), one.heldBytes], [['room'], 4 * kb])
  })
})

describe('the limit of the budget', () => {
  for (const [configured, available, expected] of [
    ['auto', 1_000_000_000, 400_000_000],
    [0, 1_000_000_000, 0],
    [5, 1_000_000_000, 5],
  ] as const) {
    it(`is ${expected} for ${configured}`, () => assert.equal(bufferedLimit(configured, available), expected))
  }

  it('allows waits that are shorter than the request’s time limit', () => {
    assert.deepEqual([patienceFor(0), patienceFor(30_000), patienceFor(2_000)], [5_000, 5_000, 1_000])
  })
})
