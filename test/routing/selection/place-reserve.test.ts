import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { PlaceLimits, placeCells } from '../../../src/routing/selection/place-limits.ts'
import { reservedShares, usablePlaces } from '../../../src/routing/selection/place-reserve.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { threadStates } from '../../support/threads.ts'

describe('reserved places', () => {
  it('are none by default', () => {
    assert.equal(reservedShares({ high: 0, normal: 0 }), undefined)
  })

  it('are left by each class for those above it', () => {
    assert.deepEqual(reservedShares({ high: 0.25, normal: 0.5 }), [0, 0.25, 0.75])
  })

  for (const [limit, share, usable] of [
    [8, 0, 8],
    [8, 0.25, 6],
    [8, 0.3, 5],
    [8, 0.01, 7],
    [2, 0.1, 1],
    [1, 0.9, 1],
    [8, 1.8, 1],
    // Unlimited, and a replica without a place.
    [0, 0.5, 0],
    [-1, 0.5, -1],
  ] as const) {
    it(`leave ${usable} of ${limit} if a share of ${share} is reserved`, () => {
      assert.equal(usablePlaces(limit, share), usable)
    })
  }

  it('are a part of what a replica may use', async () => {
    const [state] = threadStates(1)
    const cells = (state ?? assert.fail()).of(placeCells)
    const clock = new FakeClock()
    await clock.advance(1)
    Atomics.store(cells.leased, 1, 4)
    cells.leaseUntilMs[0] = 1_000
    const places = new PlaceLimits(clock, cells)
    const inFlight = new Gauge(2)
    const taken = [0.5, 0.5, 0.5, 0].map((share) => places.acquire(inFlight, 1, 8, share))
    assert.deepEqual(taken, [true, true, false, true])
  })

  it('are free whenever a lower class gets a place', () => {
    const request = fc.record({ priority: fc.nat(2), ends: fc.nat(3) })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.array(request, { maxLength: 60 }),
        (limit, high, normal, requests) => {
          const shares = reservedShares({ high, normal })
          const inFlight = new Gauge(1)
          for (const { priority, ends } of requests) {
            const share = shares?.[priority] ?? 0
            const isTaken = inFlight.acquire(0, usablePlaces(limit, share))
            const free = limit - inFlight.value(0)
            if (isTaken) assert.ok(free >= Math.min(limit - 1, Math.ceil(limit * share)))
            else assert.ok(share > 0 || free === 0)
            for (let each = 0; each < ends && inFlight.value(0) > 0; each++) inFlight.release(0)
          }
        },
      ),
    )
  })
})
