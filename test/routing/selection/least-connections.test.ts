import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { Candidate } from '../../../src/routing/selection/selector.ts'
import { createStrategy } from '../../../src/routing/selection/strategies.ts'
import { candidates, WrittenLoad } from './support.ts'

describe('least-connections', () => {
  const select = () => createStrategy('least-connections', { priorityTiers: true })

  it('keeps requests in flight proportional to the weights', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 200 }),
        (weights, requests) => {
          const all = candidates(...weights.map((weight) => ({ weight })))
          const load = new WrittenLoad()
          const choose = select()
          for (let request = 0; request < requests; request++) {
            const chosen = choose(all, load, undefined)
            assert.ok(chosen !== undefined)
            load.gauge.acquire(chosen.endpoint.slot)
          }
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          for (const [slot, weight] of weights.entries()) {
            const fair = (requests * weight) / total
            assert.ok(
              Math.abs(load.inFlight(slot) - fair) <= weights.length,
              `${load.inFlight(slot)} of ${fair}`,
            )
          }
        },
      ),
    )
  })

  it('rotates among idle endpoints, in any order', () => {
    const all = candidates({}, {}, {})
    const load = new WrittenLoad()
    const choose = select()
    const turns = Array.from(
      { length: 9 },
      (_, turn) => choose(turn % 2 === 0 ? all : all.toReversed(), load, undefined)?.endpoint.slot,
    )
    for (const round of [turns.slice(0, 3), turns.slice(3, 6), turns.slice(6)]) {
      assert.deepEqual(round.toSorted(), [0, 1, 2])
    }
  })

  it('respects priority tiers (Olla ignores them) and spills over when the tier is full', () => {
    const all = candidates({ priority: 100, maxConcurrent: 2 }, { priority: 50 })
    const load = new WrittenLoad()
    const choose = select()
    const turns = Array.from({ length: 4 }, () => {
      const slot = choose(all, load, undefined)?.endpoint.slot
      if (slot !== undefined) load.gauge.acquire(slot)
      return slot
    })
    assert.deepEqual(turns, [0, 0, 1, 1])
  })

  it('treats all tiers as one if tiers are off', () => {
    const all = candidates({ priority: 100 }, { priority: 50 })
    const load = new WrittenLoad()
    load.gauge.acquire(0)
    const choose = createStrategy('least-connections', { priorityTiers: false })
    assert.equal(choose(all, load, undefined)?.endpoint.slot, 1)
  })

  it('sends a warming endpoint only its share', () => {
    const all = candidates({}, {})
    const load = new WrittenLoad()
    load.shares[1] = 0.1
    const choose = select()
    for (let request = 0; request < 22; request++) {
      const slot = choose(all, load, undefined)?.endpoint.slot
      if (slot !== undefined) load.gauge.acquire(slot)
    }
    assert.deepEqual([load.inFlight(0), load.inFlight(1)], [20, 2])
  })

  it('does not confuse fast failures with idleness', () => {
    const all = candidates({}, {})
    const load = new WrittenLoad()
    for (let request = 0; request < 5; request++) load.gauge.acquire(0)
    load.penalties[1] = 8
    assert.equal(select()(all, load, undefined)?.endpoint.slot, 0)
  })

  it('uses an endpoint of weight 0 only if there is no other', () => {
    const all = candidates({ weight: 0 }, {})
    const load = new WrittenLoad()
    for (let request = 0; request < 50; request++) load.gauge.acquire(1)
    assert.equal(select()(all, load, undefined)?.endpoint.slot, 1)
    load.closed.add(1)
    assert.equal(select()(all, load, undefined)?.endpoint.slot, 0)
  })
})

describe('least-connections in a large fleet', () => {
  const size = 1_000
  const select = () => createStrategy('least-connections', { priorityTiers: true })
  const fleet = (settings: (slot: number) => Partial<Endpoint> = () => ({})) =>
    candidates(...Array.from({ length: size }, (_, slot) => settings(slot)))

  class CountingLoad extends WrittenLoad {
    looks = 0

    constructor() {
      super(size)
    }

    override admits(candidate: Candidate): boolean {
      this.looks++
      return super.admits(candidate)
    }
  }

  /** Sends requests with a fixed number in flight; the oldest ends first. */
  function send(all: readonly Candidate[], load: WrittenLoad, requests: number, underWay: number): void {
    const choose = select()
    const running: number[] = []
    for (let request = 0; request < requests; request++) {
      const slot = choose(all, load, undefined)?.endpoint.slot
      assert.ok(slot !== undefined)
      load.gauge.acquire(slot)
      running.push(slot)
      const finished = running.length > underWay ? running.shift() : undefined
      if (finished !== undefined) load.gauge.release(finished)
    }
  }

  it('samples few endpoints for a choice', () => {
    const load = new CountingLoad()
    const choose = select()
    const all = fleet()
    for (let request = 0; request < 100; request++) choose(all, load, undefined)
    assert.ok(load.looks <= 100 * 8, `${load.looks} looks`)
  })

  it('reaches every endpoint', () => {
    const load = new CountingLoad()
    const choose = select()
    const all = fleet()
    const chosen = new Set(
      Array.from({ length: 2 * size }, () => choose(all, load, undefined)?.endpoint.slot),
    )
    assert.ok(chosen.size > size / 2, `${chosen.size} of ${size}`)
    send(all, load, 5 * size, 3 * size)
    for (let slot = 0; slot < size; slot++) assert.ok(load.inFlight(slot) > 0, `nothing for ${slot}`)
  })

  it('finds the only endpoint that can accept a request', () => {
    const load = new CountingLoad()
    const choose = select()
    for (let slot = 0; slot < size; slot++) if (slot !== 777) load.closed.add(slot)
    const all = fleet()
    for (let request = 0; request < 5; request++) {
      assert.equal(choose(all, load, undefined)?.endpoint.slot, 777)
    }
    assert.equal(choose(all, load, new Set([777])), undefined)
  })

  it('keeps all endpoints about equally busy', () => {
    const load = new CountingLoad()
    send(fleet(), load, 20_000, 5_000)
    const busy = Array.from({ length: size }, (_, slot) => load.inFlight(slot))
    assert.ok(Math.max(...busy) - Math.min(...busy) <= 3, `${Math.min(...busy)} to ${Math.max(...busy)}`)
  })

  it('respects weights, in any order', () => {
    const load = new CountingLoad()
    send(
      fleet((slot) => ({ weight: slot < size / 2 ? 3 : 1 })),
      load,
      20_000,
      8_000,
    )
    let heavy = 0
    for (let slot = 0; slot < size / 2; slot++) heavy += load.inFlight(slot)
    assert.ok(Math.abs(heavy / 8_000 - 0.75) < 0.03, `${heavy} of 8,000`)
  })

  it('respects tiers, and weight 0 as a last resort', () => {
    const load = new CountingLoad()
    const choose = select()
    const all = fleet((slot) => ({ priority: slot === 500 ? 200 : 100, weight: slot === 3 ? 1 : 0 }))
    assert.equal(choose(all, load, undefined)?.endpoint.slot, 500)
    for (let request = 0; request < 20; request++) {
      assert.equal(choose(all, load, new Set([500]))?.endpoint.slot, 3)
    }
  })
})
