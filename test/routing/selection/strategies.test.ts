import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { StrategyName } from '../../../src/config/schema/strategy-names.ts'
import { strategyNames } from '../../../src/config/schema/strategy-names.ts'
import { expectedLatency } from '../../../src/routing/estimate/expected-latency.ts'
import type { EndpointLoad, Strategy } from '../../../src/routing/selection/selector.ts'
import {
  createStrategy as createPlain,
  type StrategyOptions,
  turnCells,
} from '../../../src/routing/selection/strategies.ts'
import { threadStates } from '../../support/threads.ts'
import { estimatorOver } from '../estimate/support.ts'
import { candidates, WrittenLoad } from './support.ts'

/** `expected-latency` without any data. */
function createStrategy(name: StrategyName, options: StrategyOptions): Strategy {
  if (name !== 'expected-latency') return createPlain(name, options)
  let current: EndpointLoad | undefined
  const inFlight = (slot: number) => current?.inFlight(slot) ?? 0
  const choose = expectedLatency({ ...options, estimator: estimatorOver({ inFlight }).estimator })
  return (all, load, ...more) => {
    current = load
    return choose(all, load, ...more)
  }
}

const someCandidates = fc
  .array(
    fc.record({
      priority: fc.constantFrom(0, 50, 100),
      weight: fc.constantFrom(0.5, 1, 2, 3),
      maxConcurrent: fc.constantFrom(0, 0, 1, 3),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((settings) => candidates(...settings))

const allStrategies = strategyNames.flatMap((name) =>
  [true, false].map((priorityTiers) => ({ name, priorityTiers })),
)

for (const { name, priorityTiers } of allStrategies) {
  describe(`${name}${priorityTiers ? ', tiers' : ', no tiers'}`, () => {
    const tiers = priorityTiers || name === 'priority'

    it('chooses nothing if no endpoint can accept a request', () => {
      const load = new WrittenLoad()
      load.closed.add(0)
      const select = createStrategy(name, { priorityTiers })
      assert.equal(select(candidates({}), load, undefined), undefined)
      assert.equal(select([], load, undefined), undefined)
    })

    it('visits every candidate once under exclusion, higher tiers first', () => {
      fc.assert(
        fc.property(someCandidates, fc.array(fc.nat(7), { maxLength: 20 }), (all, earlier) => {
          const select = createStrategy(name, { priorityTiers })
          const load = new WrittenLoad()
          for (const turn of earlier) select(all, load, new Set([turn]))
          const excluded = new Set<number>()
          const visited: number[] = []
          for (;;) {
            const chosen = select(all, load, excluded)
            if (chosen === undefined) break
            assert.ok(!excluded.has(chosen.endpoint.slot))
            excluded.add(chosen.endpoint.slot)
            visited.push(chosen.endpoint.priority)
          }
          assert.equal(visited.length, all.length)
          if (tiers)
            assert.deepEqual(
              visited,
              visited.toSorted((a, b) => b - a),
            )
        }),
      )
    })

    it('rotates over all threads that share the state as one thread would', () => {
      fc.assert(
        fc.property(someCandidates, fc.array(fc.nat(2), { maxLength: 40 }), (all, threads) => {
          const load = new WrittenLoad()
          const sharing = threadStates(3, { endpoints: 8 }).map((state) =>
            createStrategy(name, { priorityTiers, turns: state.of(turnCells) }),
          )
          const alone = createStrategy(name, { priorityTiers })
          for (const thread of threads) {
            const chosen = sharing[thread]?.(all, load, undefined)
            assert.equal(chosen?.endpoint.slot, alone(all, load, undefined)?.endpoint.slot)
          }
        }),
        { numRuns: 30 },
      )
    })

    it('predicts its choice in a dry run, without advancing the rotation', () => {
      fc.assert(
        fc.property(someCandidates, fc.array(fc.nat(7), { maxLength: 30 }), (all, requests) => {
          const [asked, left] = [
            createStrategy(name, { priorityTiers }),
            createStrategy(name, { priorityTiers }),
          ]
          const load = new WrittenLoad()
          for (const excluded of requests) {
            const without = new Set([excluded])
            for (let looks = 0; looks < 3; looks++) asked(all, load, undefined, true)
            const seen = asked(all, load, without, true)
            const chosen = asked(all, load, without)
            assert.equal(seen, chosen)
            assert.equal(left(all, load, without), chosen)
            if (chosen !== undefined) load.gauge.acquire(chosen.endpoint.slot)
          }
        }),
      )
    })

    for (const count of [10, 40]) {
      it(`retries a failed request on the one of ${count} endpoints that has not failed`, () => {
        for (let good = 1; good < count; good++) {
          const select = createStrategy(name, { priorityTiers })
          const load = new WrittenLoad(count)
          const all = candidates(...Array.from({ length: count }, () => ({})))
          for (let slot = 0; slot < count; slot++) load.penalties[slot] = slot === good ? 0 : 4
          for (let turn = 0; turn < good; turn++) select(all, load, undefined)
          assert.equal(select(all, load, new Set([0]))?.endpoint.slot, good)
        }
      })
    }

    it('retries a request that failed twice on an endpoint that has just answered, even if it is busy', () => {
      const select = createStrategy(name, { priorityTiers })
      const load = new WrittenLoad()
      const all = candidates({}, {}, {}, {}, {})
      load.answered.add(4)
      for (let busy = 0; busy < 9; busy++) load.gauge.acquire(4)
      assert.equal(select(all, load, new Set([0, 1]))?.endpoint.slot, 4)
    })

    it('sends nothing to an endpoint that does not admit requests, and never more than max_concurrent', () => {
      const step = fc.oneof(
        fc.constant('select' as const),
        fc.record({ finish: fc.nat(30) }),
        fc.record({ toggle: fc.nat(7) }),
      )
      fc.assert(
        fc.property(someCandidates, fc.array(step, { maxLength: 60 }), (all, steps) => {
          const select = createStrategy(name, { priorityTiers })
          const load = new WrittenLoad()
          const running: number[] = []
          for (const each of steps) {
            if (each === 'select') {
              const chosen = select(all, load, undefined)
              const someAdmit = all.some((each) => load.admits(each))
              assert.equal(chosen !== undefined, someAdmit)
              if (chosen === undefined) continue
              const { slot, maxConcurrent } = chosen.endpoint
              assert.ok(!load.closed.has(slot))
              assert.ok(load.gauge.acquire(slot, maxConcurrent), 'chose a full one')
              running.push(slot)
            } else if ('finish' in each) {
              const [slot] = running.splice(each.finish % Math.max(1, running.length), 1)
              if (slot !== undefined) load.gauge.release(slot)
            } else if (!load.closed.delete(each.toggle)) {
              load.closed.add(each.toggle)
            }
          }
        }),
      )
    })

    it('repeats its choice for the same state', () => {
      fc.assert(
        fc.property(
          someCandidates,
          fc.array(fc.record({ busy: fc.nat(7), excluded: fc.option(fc.nat(7)) }), { maxLength: 40 }),
          (all, steps) => {
            const run = () => {
              const select = createStrategy(name, { priorityTiers })
              const load = new WrittenLoad()
              return steps.map(({ busy, excluded }) => {
                load.gauge.acquire(busy)
                return select(all, load, excluded === null ? undefined : new Set([excluded]))?.endpoint.slot
              })
            }
            assert.deepEqual(run(), run())
          },
        ),
      )
    })
  })
}

describe('round-robin', () => {
  it('rotates (Olla chooses at random)', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const all = candidates({}, {}, {})
    const load = new WrittenLoad()
    const turns = Array.from({ length: 7 }, () => choose(all, load, undefined)?.endpoint.slot)
    assert.deepEqual(turns, [0, 1, 2, 0, 1, 2, 0])
  })

  it('gives each endpoint exactly its weight in each cycle, spread out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        (weights, cycles) => {
          const choose = createStrategy('round-robin', { priorityTiers: true })
          const all = candidates(...weights.map((weight) => ({ weight })))
          const load = new WrittenLoad()
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          const counts = weights.map(() => 0)
          for (let turn = 0; turn < total * cycles; turn++) {
            const slot = choose(all, load, undefined)?.endpoint.slot ?? -1
            counts[slot] = (counts[slot] ?? 0) + 1
          }
          assert.deepEqual(
            counts,
            weights.map((weight) => weight * cycles),
          )
        },
      ),
    )
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const turns = Array.from(
      { length: 7 },
      () => choose(candidates({ weight: 5 }, {}, {}), new WrittenLoad(), undefined)?.endpoint.slot,
    )
    assert.deepEqual(turns, [0, 0, 1, 0, 2, 0, 0])
  })

  it('gives a failed endpoint fewer turns, but some', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const load = new WrittenLoad()
    load.penalties[0] = 4
    const turns = Array.from({ length: 12 }, () => choose(candidates({}, {}), load, undefined)?.endpoint.slot)
    assert.equal(turns.filter((slot) => slot === 0).length, 2)
  })

  it('accumulates no turns while an endpoint is unavailable', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const all = candidates({}, {})
    const load = new WrittenLoad()
    load.closed.add(1)
    for (let turn = 0; turn < 100; turn++) choose(all, load, undefined)
    load.closed.delete(1)
    const turns = Array.from({ length: 4 }, () => choose(all, load, undefined)?.endpoint.slot)
    assert.deepEqual(turns.toSorted(), [0, 0, 1, 1])
  })

  it('stays fair if models are on different endpoints', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const all = candidates({}, {}, {})
    const [a, b, c] = all
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    const load = new WrittenLoad()
    const counts = [0, 0, 0]
    fc.assert(
      fc.property(fc.constantFrom([a, b], [b, c], [a, c]), (some) => {
        const slot = choose(some, load, undefined)?.endpoint.slot ?? -1
        counts[slot] = (counts[slot] ?? 0) + 1
      }),
      { numRuns: 3_000 },
    )
    for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join(' '))
  })
})

describe('priority', () => {
  it('uses a lower tier only while no higher one can accept a request', () => {
    const choose = createStrategy('priority', { priorityTiers: false })
    const all = candidates({ priority: 10 }, { priority: 200 }, { priority: 200 })
    const load = new WrittenLoad()
    const turns = (count: number) =>
      Array.from({ length: count }, () => choose(all, load, undefined)?.endpoint.slot)
    assert.deepEqual(turns(4), [1, 2, 1, 2])
    load.closed.add(1)
    load.closed.add(2)
    assert.deepEqual(turns(2), [0, 0])
    load.closed.delete(2)
    assert.deepEqual(turns(2), [2, 2])
  })
})
