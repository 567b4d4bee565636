import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { KeySource } from '../../../src/config/schema/key-sources.ts'
import type { RoutedEndpoint } from '../../../src/routing/models/router.ts'
import { createStrategy } from '../../../src/routing/selection/strategies.ts'
import { chat, keyFor, session, setUp, three } from './support.ts'

const response = (id: string) => keyFor({ previous_response_id: id })

describe('a session', () => {
  it('is bound by the first successful answer and keeps its endpoint', () => {
    const { ask } = setUp(three)
    assert.deepEqual(ask(session('a'), 2), { slot: 2, outcome: 'miss', reason: 'new_session' })
    assert.deepEqual(ask(session('a')), { slot: 2, outcome: 'hit', reason: 'bound' })
    assert.equal(ask(session('b'), 1).outcome, 'miss')
  })

  it('is not bound by a failed answer, and is released if its endpoint fails', () => {
    for (const status of [400, 404, 429, 500, 503]) {
      const { ask } = setUp(three)
      ask(session('a'), 2, status)
      assert.equal(ask(session('a'), 1).outcome, 'miss', `${status}`)
      assert.equal(ask(session('a'), 0, status).outcome, 'hit')
      assert.equal(ask(session('a'), 0).outcome, status < 500 ? 'hit' : 'miss', `${status}`)
    }
  })

  it('without a key is disabled', () => {
    const { ask, affinity } = setUp(three)
    assert.deepEqual(ask(undefined, 1), { slot: 1, outcome: 'disabled', reason: 'no_key' })
    assert.equal(affinity.store.size, 0)
  })

  it('moves to the endpoint that answered, and stays there', () => {
    const { ask, load } = setUp(three)
    ask(session('a'), 2)
    load.closed.add(2)
    assert.deepEqual(ask(session('a'), 1), { slot: 1, outcome: 'repin', reason: 'not_available' })
    load.closed.clear()
    assert.deepEqual(ask(session('a')), { slot: 1, outcome: 'hit', reason: 'bound' })
  })

  it('reports why it moves', () => {
    type World = ReturnType<typeof setUp>
    const cases: [string, (world: World) => unknown][] = [
      ['not_a_candidate', ({ candidates }) => candidates.shift()],
      ['not_available', ({ load }) => load.closed.add(0)],
      ['over_bound', ({ load }) => load.add(0, 2)],
      ['over_bound', ({ load }) => load.penalties.set(0, 4)],
    ]
    for (const [reason, change] of cases) {
      const world = setUp(three)
      world.ask(session('a'), 0)
      change(world)
      const decision = world.affinity.decide(session('a'), world.candidates, undefined)
      assert.deepEqual([decision.outcome, decision.reason, decision.target], ['repin', reason, undefined])
    }
    const { affinity, ask, candidates } = setUp(three)
    ask(session('a'), 0)
    assert.equal(affinity.decide(session('a'), candidates, new Set([0])).reason, 'failed')
  })

  it('yields to a higher tier, unless tiers are off', () => {
    for (const priorityTiers of [true, false]) {
      const { ask, load } = setUp([{ priority: 1 }, { priority: 9 }], { priorityTiers })
      load.closed.add(1)
      ask(session('a'), 0)
      load.closed.clear()
      assert.equal(ask(session('a'), 1).reason, priorityTiers ? 'lower_priority' : 'bound')
    }
  })

  it('leaves an endpoint that has unloaded the model if another one has it loaded', () => {
    const { ask } = setUp([{ isWarm: false }, { isWarm: true }])
    ask(session('a'), 0)
    assert.equal(ask(session('a'), 1).reason, 'not_in_memory')
    const cold = setUp([{ isWarm: false }, { isWarm: false }])
    cold.ask(session('a'), 0)
    assert.equal(cold.ask(session('a'), 1).reason, 'bound')
  })

  it('of a stored response ignores load bound and tiers: no other endpoint has the response', () => {
    const { ask, load } = setUp([{ priority: 1 }, { priority: 9 }])
    ask(response('resp_1'), 0)
    load.add(0, 50)
    assert.equal(ask(response('resp_1'), 1).slot, 0)
    load.closed.add(0)
    assert.equal(ask(response('resp_1'), 1).slot, 1)
  })

  it('is a hit if the selector chooses its endpoint although none was preferred', () => {
    const { affinity, ask, load, candidates } = setUp(three)
    ask(session('a'), 0)
    load.add(0, 10)
    const decision = affinity.decide(session('a'), candidates, undefined)
    assert.equal(decision.reason, 'over_bound')
    assert.equal(affinity.answered(session('a'), decision, 0, 200).outcome, 'hit')
  })

  it('ends when its endpoint has lost its caches', () => {
    const { ask, affinity } = setUp(three)
    ask(session('a'), 0)
    ask(session('b'), 1)
    assert.equal(affinity.purge(0), 1)
    assert.equal(ask(session('a'), 2).outcome, 'miss')
    assert.equal(ask(session('b'), 2).outcome, 'hit')
  })
})

describe('the load bound', () => {
  const fleet = fc.array(
    fc.record({ weight: fc.constantFrom(0.5, 1, 2, 3), priority: fc.constantFrom(1, 1, 2) }),
    { minLength: 1, maxLength: 6 },
  )
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ ask: fc.nat(6) }) },
    { weight: 2, arbitrary: fc.record({ finish: fc.nat(1000) }) },
    { weight: 1, arbitrary: fc.record({ close: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ share: fc.nat(5), to: fc.constantFrom(0.3, 1) }) },
  )

  it('is exceeded by at most one request for a session', () => {
    fc.assert(
      fc.property(
        fleet,
        fc.array(step, { maxLength: 120 }),
        fc.constantFrom(1, 1.25, 2),
        (all, steps, loadBound) => {
          const { affinity, candidates, load } = setUp(all, { loadBound })
          const select = createStrategy('least-connections', { priorityTiers: true })
          const running: number[] = []
          for (const each of steps) {
            if ('finish' in each) {
              const [slot] = running.splice(each.finish % Math.max(1, running.length), 1)
              if (slot !== undefined) load.add(slot, -1)
            } else if ('close' in each) {
              if (!load.closed.delete(each.close)) load.closed.add(each.close)
            } else if ('share' in each) {
              load.shares.set(each.share, each.to)
            } else {
              const key = session(`${each.ask}`)
              const decision = affinity.decide(key, candidates, undefined)
              const chosen = decision.target ?? select(candidates, load, undefined)
              if (chosen === undefined) continue
              const { slot } = chosen.endpoint
              if (decision.target !== undefined) {
                const able = candidates.filter((each) => load.admits(each))
                const top = Math.max(...able.map(({ endpoint }) => endpoint.priority))
                const peers = able.filter(({ endpoint }) => endpoint.priority === top)
                assert.ok(peers.includes(decision.target), 'able, and of the highest tier')
                const weight = (one: RoutedEndpoint) => one.endpoint.weight * load.share(one.endpoint.slot)
                const total = peers.reduce((sum, one) => sum + load.inFlight(one.endpoint.slot), 0)
                const average =
                  (total * weight(decision.target)) / peers.reduce((sum, one) => sum + weight(one), 0)
                assert.ok(load.inFlight(slot) + 1 <= loadBound * average + 2)
              }
              load.add(slot, 1)
              running.push(slot)
              affinity.answered(key, decision, slot, 200)
            }
          }
        },
      ),
    )
  })

  it('can be disabled', () => {
    const { ask, load } = setUp(three, { loadBound: 0 })
    ask(session('a'), 0)
    load.add(0, 1000)
    assert.equal(ask(session('a')).outcome, 'hit')
  })

  it('counts by weight', () => {
    const { ask, load } = setUp([{ weight: 3 }, { weight: 1 }], { loadBound: 1 })
    ask(session('big'), 0)
    ask(session('small'), 1)
    load.add(0, 6)
    load.add(1, 2)
    // Three quarters of eight are six, a quarter is two.
    assert.deepEqual([ask(session('big')).slot, ask(session('small')).slot], [0, 1])
    load.add(1, 1)
    // A quarter of nine and one is less than three and a half.
    assert.equal(ask(session('small'), 0).reason, 'bound')
    load.add(1, 1)
    assert.equal(ask(session('small'), 0).reason, 'over_bound')
  })
})

describe('explain', () => {
  it('changes nothing: the same request gets the same decision', () => {
    const texts = fc.array(fc.string(), { minLength: 1, maxLength: 5 })
    const requests = fc.array(
      fc.record({
        texts,
        slot: fc.nat(2),
        source: fc.constantFrom<KeySource>('prefix_hash', 'session_header'),
      }),
    )
    fc.assert(
      fc.property(requests, (all) => {
        const { affinity, ask, candidates } = setUp(three)
        for (const { texts: said, slot, source } of all) {
          const key = () => (source === 'prefix_hash' ? chat('s', ...said) : session(`s${said.join()}`))
          const one = affinity.decide(key(), candidates, undefined)
          const size = affinity.store.size
          for (let times = 0; times < 3; times++) {
            assert.deepEqual(affinity.decide(key(), candidates, undefined), one)
          }
          assert.equal(affinity.store.size, size)
          ask(key(), slot)
        }
      }),
      { numRuns: 50 },
    )
  })
})
