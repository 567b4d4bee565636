import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HeadMemory } from '../../src/affinity/head-memory.ts'
import { type KeySource, type SessionKey, SessionKeys } from '../../src/affinity/key-sources.ts'
import { SessionAffinity, type SessionAffinityOptions } from '../../src/affinity/session-affinity.ts'
import { LocalSessionStore } from '../../src/affinity/session-store.ts'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import type { RoutedEndpoint } from '../../src/model/router.ts'
import type { EndpointLoad } from '../../src/selection/selector.ts'
import { createStrategy } from '../../src/selection/strategies.ts'
import { endpoint } from '../stats/fixtures.ts'
import { FakeClock } from '../support/fake-clock.ts'

class WrittenLoad implements EndpointLoad {
  readonly requests = new Map<number, number>()
  readonly penalties = new Map<number, number>()
  readonly shares = new Map<number, number>()
  readonly closed = new Set<number>()

  inFlight(slot: number): number {
    return this.requests.get(slot) ?? 0
  }

  share(slot: number): number {
    return this.shares.get(slot) ?? 1
  }

  penalty(slot: number): number {
    return this.penalties.get(slot) ?? 0
  }

  admits({ slot }: Endpoint): boolean {
    return !this.closed.has(slot)
  }

  add(slot: number, count: number): void {
    this.requests.set(slot, this.inFlight(slot) + count)
  }
}

type Setting = Partial<Endpoint> & { isWarm?: boolean }

function setUp(settings: readonly Setting[], options: Partial<SessionAffinityOptions> = {}) {
  const clock = new FakeClock()
  const load = new WrittenLoad()
  const affinity = new SessionAffinity(
    {
      store: new LocalSessionStore({ clock, maxSessions: 1000, idleTtlMs: 600_000 }),
      heads: new HeadMemory(clock, 600_000),
      load,
    },
    { priorityTiers: true, loadBound: 1.5, ...options },
  )
  const candidates = settings.map(
    ({ isWarm, ...each }, slot): RoutedEndpoint => ({
      endpoint: endpoint({ slot, ...each }),
      nativeModel: 'm',
      sentModel: undefined,
      isWarm,
      abilities: undefined,
    }),
  )
  /** Asks, and is answered by the target or else by `slot`. */
  const ask = (key: SessionKey | undefined, slot = 0, statusCode = 200) => {
    const decision = affinity.decide(key, candidates, undefined)
    const answeredBy = decision.target?.endpoint.slot ?? slot
    const { outcome, reason } = affinity.answered(key, decision, answeredBy, statusCode)
    return { slot: answeredBy, outcome, reason }
  }
  return { clock, load, affinity, candidates, ask }
}

const keys = new SessionKeys({
  sources: ['previous_response_id', 'prefix_hash', 'session_header'],
  blockBytes: 64,
})

function keyFor(json: unknown, rawHeaders: readonly string[] = []): SessionKey {
  const key = keys.read(
    {
      rawHeaders,
      path: '/v1/chat/completions',
      body: Buffer.from(JSON.stringify(json)),
      model: 'm',
      clientAddress: '',
    },
    () => true,
  )
  assert.ok(key !== undefined)
  return key
}

/** A chat with these texts, user and assistant in turns, behind a system prompt. */
const chat = (system: string, ...texts: string[]) =>
  keyFor({
    messages: [
      { role: 'system', content: system },
      ...texts.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
    ],
  })
const session = (id: string) => keyFor({}, ['X-Olla-Session-ID', id])
const response = (id: string) => keyFor({ previous_response_id: id })

const three: Setting[] = [{}, {}, {}]

describe('a session', () => {
  it('is bound by the first good answer and goes there from then on', () => {
    const { ask } = setUp(three)
    assert.deepEqual(ask(session('a'), 2), { slot: 2, outcome: 'miss', reason: 'new_session' })
    assert.deepEqual(ask(session('a')), { slot: 2, outcome: 'hit', reason: 'bound' })
    assert.equal(ask(session('b'), 1).outcome, 'miss')
  })

  it('is not bound by an answer that is not good, and let go by a failure of its endpoint', () => {
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

  it('moves with the endpoint that has answered, and stays there', () => {
    const { ask, load } = setUp(three)
    ask(session('a'), 2)
    load.closed.add(2)
    assert.deepEqual(ask(session('a'), 1), { slot: 1, outcome: 'repin', reason: 'not_available' })
    load.closed.clear()
    assert.deepEqual(ask(session('a')), { slot: 1, outcome: 'hit', reason: 'bound' })
  })

  it('says why it moves', () => {
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

  it('yields to a higher tier, unless tiers do not count', () => {
    for (const priorityTiers of [true, false]) {
      const { ask, load } = setUp([{ priority: 1 }, { priority: 9 }], { priorityTiers })
      load.closed.add(1)
      ask(session('a'), 0)
      load.closed.clear()
      assert.equal(ask(session('a'), 1).reason, priorityTiers ? 'lower_priority' : 'bound')
    }
  })

  it('leaves an endpoint that has unloaded the model while another one holds it', () => {
    const { ask } = setUp([{ isWarm: false }, { isWarm: true }])
    ask(session('a'), 0)
    assert.equal(ask(session('a'), 1).reason, 'not_in_memory')
    const cold = setUp([{ isWarm: false }, { isWarm: false }])
    cold.ask(session('a'), 0)
    assert.equal(cold.ask(session('a'), 1).reason, 'bound')
  })

  it('of a stored response knows neither bound nor tier: the response is nowhere else', () => {
    const { ask, load } = setUp([{ priority: 1 }, { priority: 9 }])
    ask(response('resp_1'), 0)
    load.add(0, 50)
    assert.equal(ask(response('resp_1'), 1).slot, 0)
    load.closed.add(0)
    assert.equal(ask(response('resp_1'), 1).slot, 1)
  })

  it('is a hit where the selector takes its endpoint although nobody preferred it', () => {
    const { affinity, ask, load, candidates } = setUp(three)
    ask(session('a'), 0)
    load.add(0, 10)
    const decision = affinity.decide(session('a'), candidates, undefined)
    assert.equal(decision.reason, 'over_bound')
    assert.equal(affinity.answered(session('a'), decision, 0, 200).outcome, 'hit')
  })

  it('is gone when its endpoint has lost its caches', () => {
    const { ask, affinity } = setUp(three)
    ask(session('a'), 0)
    ask(session('b'), 1)
    assert.equal(affinity.purge(0), 1)
    assert.equal(ask(session('a'), 2).outcome, 'miss')
    assert.equal(ask(session('b'), 2).outcome, 'hit')
  })
})

describe('a conversation', () => {
  it('is followed as it grows', () => {
    const text = fc.string({ minLength: 1 })
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1, maxLength: 12 }), fc.nat(2), (system, texts, slot) => {
        const { ask } = setUp(three)
        const first = ask(chat(system, texts[0] ?? ''), slot)
        assert.equal(first.outcome, 'miss')
        for (let turn = 3; turn <= texts.length; turn += 2) {
          const { outcome, slot: answeredBy } = ask(chat(system, ...texts.slice(0, turn)), (slot + 1) % 3)
          assert.deepEqual([outcome, answeredBy], ['hit', slot])
        }
      }),
    )
  })

  it('is not known by its system prompt', () => {
    const { ask } = setUp(three)
    ask(chat('same', 'one'), 0)
    assert.equal(ask(chat('same', 'two'), 1).outcome, 'miss')
    assert.equal(ask(keyFor({ messages: [{ role: 'system', content: 'same' }] }), 1).outcome, 'miss')
  })

  it('keeps two turns, so that the last can be said again in other words', () => {
    const { ask, affinity } = setUp(three)
    ask(chat('s', 'u1'), 0)
    ask(chat('s', 'u1', 'a1', 'u2'), 1)
    ask(chat('s', 'u1', 'a1', 'u2', 'a2', 'u3'), 1)
    assert.equal(affinity.store.size, 2)
    assert.equal(ask(chat('s', 'u1', 'a1', 'u2', 'a2', 'other'), 1).outcome, 'hit')
    for (let turn = 4; turn < 40; turn++) {
      const texts = Array.from({ length: turn * 2 - 1 }, (_, at) => `${at}`)
      ask(chat('s', ...texts), 1)
    }
    // Two turns of each, and the end of the first that was said in other words.
    assert.equal(affinity.store.size, 5)
  })

  it('asked again as it is loses nothing', () => {
    const { ask, affinity } = setUp(three)
    ask(chat('s', 'u1'), 0)
    ask(chat('s', 'u1', 'a1', 'u2'), 1)
    for (let times = 0; times < 3; times++) ask(chat('s', 'u1', 'a1', 'u2'), 1)
    assert.equal(affinity.store.size, 2)
  })

  it('goes to its last turn but one where the last cannot take it', () => {
    const { ask, load } = setUp(three)
    ask(chat('s', 'u1'), 0)
    load.closed.add(0)
    assert.equal(ask(chat('s', 'u1', 'a1', 'u2'), 1).slot, 1)
    load.closed.clear()
    load.closed.add(1)
    assert.deepEqual(ask(chat('s', 'u1', 'a1', 'u2', 'a2', 'u3'), 2), {
      slot: 0,
      outcome: 'repin',
      reason: 'not_available',
    })
  })
})

describe('a new conversation with a known head', () => {
  it('goes where the head is, among endpoints that have equally much to do', () => {
    const { ask, load } = setUp(three)
    ask(chat('s', 'one'), 2)
    assert.deepEqual(ask(chat('s', 'two'), 0), { slot: 0, outcome: 'miss', reason: 'new_session' })
    for (const slot of [0, 1]) ask(session(`${slot}`), slot)
    assert.deepEqual(ask(chat('s', 'two more'), 1), { slot: 2, outcome: 'miss', reason: 'shared_head' })
    load.add(2, 1)
    assert.deepEqual(ask(chat('s', 'three'), 0), { slot: 0, outcome: 'miss', reason: 'new_session' })
  })

  it('needs a head', () => {
    const { ask } = setUp(three)
    const bare = (content: string) => keyFor({ messages: [{ role: 'user', content }] })
    ask(bare('one'), 2)
    assert.equal(ask(bare('two'), 0).reason, 'new_session')
  })

  it('does not gather with the others on one endpoint, however idle the fleet is', () => {
    const settings: Setting[] = [{}, {}, {}, {}]
    const { affinity, candidates, load } = setUp(settings)
    const select = createStrategy('least-connections', { priorityTiers: true })
    const sessions = new Array<number>(4).fill(0)
    for (let at = 0; at < 400; at++) {
      const key = chat('the same for all', `conversation ${at}`)
      const decision = affinity.decide(key, candidates, undefined)
      const slot = (decision.target ?? select(candidates, load, undefined))?.endpoint.slot ?? 0
      affinity.answered(key, decision, slot, 200)
      sessions[slot] = (sessions[slot] ?? 0) + 1
    }
    assert.ok(Math.max(...sessions) <= 101, sessions.join(' '))
  })
})

describe('the bound on the load', () => {
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

  it('is never exceeded by more than one for the sake of a session', () => {
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
                const able = candidates.filter(({ endpoint }) => load.admits(endpoint))
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

  it('can be switched off', () => {
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

describe('deciding', () => {
  it('changes nothing: the same question has the same answer', () => {
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
