import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createStrategy } from '../../../src/routing/selection/strategies.ts'
import { chat, keyFor, type Setting, session, setUp, three } from './support.ts'

describe('a conversation', () => {
  it('keeps its endpoint as it grows', () => {
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

  it('is not identified by its system prompt', () => {
    const { ask } = setUp(three)
    ask(chat('same', 'one'), 0)
    assert.equal(ask(chat('same', 'two'), 1).outcome, 'miss')
    assert.equal(ask(keyFor({ messages: [{ role: 'system', content: 'same' }] }), 1).outcome, 'miss')
  })

  it('keeps two turns, so that the last one can be rephrased', () => {
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

  it('keeps its endpoint if it is repeated unchanged', () => {
    const { ask, affinity } = setUp(three)
    ask(chat('s', 'u1'), 0)
    ask(chat('s', 'u1', 'a1', 'u2'), 1)
    for (let times = 0; times < 3; times++) ask(chat('s', 'u1', 'a1', 'u2'), 1)
    assert.equal(affinity.store.size, 2)
  })

  it('returns to the endpoint of its second-to-last turn if that of the last cannot serve', () => {
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
  it('goes to an endpoint that has the head, among equally loaded ones', () => {
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

  it('does not pile up on one endpoint, however idle the fleet is', () => {
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
