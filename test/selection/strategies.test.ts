import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { type Candidate, type EndpointLoad, strategyNames } from '../../src/selection/selector.ts'
import { createStrategy } from '../../src/selection/strategies.ts'
import { GatewayCells } from '../../src/state/cells.ts'
import { Gauge } from '../../src/state/gauge.ts'
import { SharedBlocks } from '../../src/state/shared-blocks.ts'
import { endpoint } from '../stats/fixtures.ts'

/** Load that a test writes down: a row per slot. */
class WrittenLoad implements EndpointLoad {
  readonly gauge: Gauge
  readonly shares: number[] = []
  readonly penalties: number[] = []
  readonly closed = new Set<number>()

  constructor(slots = 16) {
    this.gauge = new Gauge(slots)
  }

  inFlight(slot: number): number {
    return this.gauge.value(slot)
  }

  share(slot: number): number {
    return this.shares[slot] ?? 1
  }

  penalty(slot: number): number {
    return this.penalties[slot] ?? 0
  }

  admits({ slot, maxConcurrent }: Endpoint): boolean {
    return !this.closed.has(slot) && (maxConcurrent === 0 || this.gauge.value(slot) < maxConcurrent)
  }
}

function candidates(...settings: Partial<Endpoint>[]): Candidate[] {
  return settings.map((each, slot) => ({ endpoint: endpoint({ slot, ...each }) }))
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

    it('chooses nothing where nobody can take a request', () => {
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

    it('goes round over all threads that share the turns, as one thread alone would', () => {
      fc.assert(
        fc.property(someCandidates, fc.array(fc.nat(2), { maxLength: 40 }), (all, threads) => {
          const load = new WrittenLoad()
          const first = new GatewayCells({ endpoints: 8, models: 2, placements: 1 }, new SharedBlocks(3, 0))
          const sharing = [0, 1, 2].map((thread) => {
            const blocks = new SharedBlocks(3, thread, first.blocks)
            const { turns } = new GatewayCells({ endpoints: 8, models: 2, placements: 1 }, blocks)
            return createStrategy(name, { priorityTiers, turns })
          })
          const alone = createStrategy(name, { priorityTiers })
          for (const thread of threads) {
            const chosen = sharing[thread]?.(all, load, undefined)
            assert.equal(chosen?.endpoint.slot, alone(all, load, undefined)?.endpoint.slot)
          }
        }),
        { numRuns: 30 },
      )
    })

    it('looked at, tells what it will choose, and moves nobody’s turn', () => {
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

    it('sends nothing to one that does not admit, and never more than max_concurrent', () => {
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
              const someAdmit = all.some(({ endpoint }) => load.admits(endpoint))
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

    it('chooses the same again, given the same state', () => {
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

describe('least-connections', () => {
  const select = () => createStrategy('least-connections', { priorityTiers: true })

  it('keeps requests in flight in proportion to the weights', () => {
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

  it('takes turns among idle ones, whatever order they come in', () => {
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

  it('takes all tiers together where tiers are off', () => {
    const all = candidates({ priority: 100 }, { priority: 50 })
    const load = new WrittenLoad()
    load.gauge.acquire(0)
    const choose = createStrategy('least-connections', { priorityTiers: false })
    assert.equal(choose(all, load, undefined)?.endpoint.slot, 1)
  })

  it('gives a warming endpoint its share only', () => {
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

  it('does not take failing fast for being idle', () => {
    const all = candidates({}, {})
    const load = new WrittenLoad()
    for (let request = 0; request < 5; request++) load.gauge.acquire(0)
    load.penalties[1] = 8
    assert.equal(select()(all, load, undefined)?.endpoint.slot, 0)
  })

  it('uses one of weight 0 only where there is no other', () => {
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

    override admits(endpoint: Endpoint): boolean {
      this.looks++
      return super.admits(endpoint)
    }
  }

  /** Sends requests of which so many are under way at a time, the oldest ending first. */
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

  it('looks at few for a choice', () => {
    const load = new CountingLoad()
    const choose = select()
    const all = fleet()
    for (let request = 0; request < 100; request++) choose(all, load, undefined)
    assert.ok(load.looks <= 100 * 8, `${load.looks} looks`)
  })

  it('leaves nobody out', () => {
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

  it('finds the only one that can take a request', () => {
    const load = new CountingLoad()
    const choose = select()
    for (let slot = 0; slot < size; slot++) if (slot !== 777) load.closed.add(slot)
    const all = fleet()
    for (let request = 0; request < 5; request++) {
      assert.equal(choose(all, load, undefined)?.endpoint.slot, 777)
    }
    assert.equal(choose(all, load, new Set([777])), undefined)
  })

  it('keeps all about equally busy', () => {
    const load = new CountingLoad()
    send(fleet(), load, 20_000, 5_000)
    const busy = Array.from({ length: size }, (_, slot) => load.inFlight(slot))
    assert.ok(Math.max(...busy) - Math.min(...busy) <= 3, `${Math.min(...busy)} to ${Math.max(...busy)}`)
  })

  it('keeps to weights, however they are sorted', () => {
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

  it('keeps to tiers, and to weight 0 only where there is no other', () => {
    const load = new CountingLoad()
    const choose = select()
    const all = fleet((slot) => ({ priority: slot === 500 ? 200 : 100, weight: slot === 3 ? 1 : 0 }))
    assert.equal(choose(all, load, undefined)?.endpoint.slot, 500)
    for (let request = 0; request < 20; request++) {
      assert.equal(choose(all, load, new Set([500]))?.endpoint.slot, 3)
    }
  })
})

describe('round-robin', () => {
  it('really rotates (Olla is random)', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const all = candidates({}, {}, {})
    const load = new WrittenLoad()
    const turns = Array.from({ length: 7 }, () => choose(all, load, undefined)?.endpoint.slot)
    assert.deepEqual(turns, [0, 1, 2, 0, 1, 2, 0])
  })

  it('gives everybody exactly their weight in each cycle, spread out', () => {
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

  it('saves up no turns while an endpoint is away', () => {
    const choose = createStrategy('round-robin', { priorityTiers: true })
    const all = candidates({}, {})
    const load = new WrittenLoad()
    load.closed.add(1)
    for (let turn = 0; turn < 100; turn++) choose(all, load, undefined)
    load.closed.delete(1)
    const turns = Array.from({ length: 4 }, () => choose(all, load, undefined)?.endpoint.slot)
    assert.deepEqual(turns.toSorted(), [0, 0, 1, 1])
  })

  it('stays fair when models live on different endpoints', () => {
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
  it('uses a lower tier only while no higher one can take a request', () => {
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
