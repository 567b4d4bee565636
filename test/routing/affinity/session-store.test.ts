import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { boundSessionCells, sessionCells } from '../../../src/routing/affinity/session-cells.ts'
import {
  LocalSessionStore,
  type SessionStore,
  type SessionStoreOptions,
} from '../../../src/routing/affinity/session-store.ts'
import { SharedSessionStore } from '../../../src/routing/affinity/shared-session-store.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { threadStates } from '../../support/threads.ts'

const stores: Readonly<Record<string, (options: SessionStoreOptions) => SessionStore>> = {
  'of one thread': (options) => new LocalSessionStore(options),
  'of all threads': (options) =>
    new SharedSessionStore(options, cellsFor(new SharedState(), options.maxSessions)),
}

function cellsFor(state: SharedState, maxSessions: number) {
  return { ...state.of(sessionCells), ...state.of(boundSessionCells(maxSessions)) }
}

for (const [name, create] of Object.entries(stores)) {
  describe(`the session store ${name}`, () => {
    const make = (maxSessions = 100, idleTtlMs = 1000) => {
      const clock = new FakeClock()
      return { clock, store: create({ clock, maxSessions, idleTtlMs }) }
    }

    it('keeps entries until they are deleted', () => {
      const { store } = make()
      assert.equal(store.get(1), undefined)
      store.set(1, 0)
      store.set(2, 3)
      assert.deepEqual([store.get(1), store.get(2), store.size], [0, 3, 2])
      store.set(1, 3)
      assert.deepEqual([store.get(1), store.size], [3, 2])
      store.delete(1)
      store.delete(1)
      assert.deepEqual([store.get(1), store.size], [undefined, 1])
    })

    it('accepts every key that a hash can be', () => {
      const { store } = make()
      fc.assert(
        fc.property(fc.maxSafeNat(), fc.nat(500), (key, slot) => {
          store.set(key, slot)
          assert.equal(store.get(key), slot)
        }),
      )
    })

    it('drops a session that was not renewed in time; a peek does not renew', async () => {
      const { clock, store } = make()
      store.set(1, 0)
      await clock.advance(900)
      store.set(1, 0)
      await clock.advance(900)
      assert.equal(store.get(1), 0)
      await clock.advance(200)
      assert.deepEqual([store.get(1), store.size, store.evictions], [undefined, 0, 1])
    })

    it('never drops entries without a time to live', async () => {
      const { clock, store } = make(10, 0)
      store.set(1, 4)
      await clock.advance(10 * 24 * 3_600_000)
      assert.equal(store.get(1), 4)
    })

    it('evicts the least recently renewed entry', async () => {
      const { clock, store } = make(2)
      store.set(1, 0)
      await clock.advance(5)
      store.set(2, 0)
      await clock.advance(5)
      store.set(1, 0)
      await clock.advance(5)
      assert.equal(store.get(2), 0, 'a peek does not renew')
      store.set(3, 0)
      assert.deepEqual([store.get(1), store.get(2), store.get(3)], [0, undefined, 0])
      assert.deepEqual([store.size, store.insertions, store.evictions], [2, 3, 1])
    })

    it('drops all sessions of an endpoint, and no others', () => {
      const { store } = make()
      for (let key = 0; key < 20; key++) store.set(key, key % 3)
      assert.equal(store.purge(1), 7)
      assert.equal(store.purge(1), 0)
      assert.equal(store.size, 13)
      for (let key = 0; key < 20; key++) assert.equal(store.get(key), key % 3 === 1 ? undefined : key % 3)
      assert.equal(store.evictions, 0, 'a purge is no eviction')
    })

    it('never exceeds its capacity, and counts correctly', async () => {
      const step = fc.oneof(
        { weight: 5, arbitrary: fc.record({ set: fc.nat(30), slot: fc.nat(3) }) },
        { weight: 1, arbitrary: fc.record({ delete: fc.nat(30) }) },
        { weight: 1, arbitrary: fc.record({ purge: fc.nat(3) }) },
        { weight: 1, arbitrary: fc.record({ wait: fc.nat(50_000) }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
          const { clock, store } = make(8, 60_000)
          const newest = new Map<number, number>()
          for (const each of steps) {
            await clock.advance(1)
            if ('set' in each) {
              store.set(each.set, each.slot)
              newest.set(each.set, each.slot)
              assert.equal(store.get(each.set), each.slot)
            } else if ('delete' in each) {
              store.delete(each.delete)
              newest.delete(each.delete)
            } else if ('purge' in each) {
              store.purge(each.purge)
              for (const [key, slot] of newest) if (slot === each.purge) newest.delete(key)
            } else {
              await clock.advance(each.wait)
            }
            assert.ok(store.size <= store.capacity)
            let found = 0
            for (let key = 0; key <= 30; key++) {
              const slot = store.get(key)
              if (slot === undefined) continue
              found++
              assert.equal(slot, newest.get(key), 'never an older binding')
            }
            assert.equal(store.size, found)
            await clock.advance(1_000)
            found = 0
            for (let key = 0; key <= 30; key++) if (store.get(key) !== undefined) found++
            assert.equal(
              [0, 1, 2, 3].reduce((sum, slot) => sum + store.count(slot), 0),
              found,
            )
            assert.ok(store.evictions <= store.insertions)
          }
        }),
      )
    })
  })
}

describe('the session store of all threads', () => {
  it('finds entries that another thread has set, and counts them for all', () => {
    const options = { clock: new FakeClock(), maxSessions: 64, idleTtlMs: 0 }
    const [one, other] = threadStates(2).map(
      (state) => new SharedSessionStore(options, cellsFor(state, options.maxSessions)),
    )
    assert.ok(one !== undefined && other !== undefined)
    one.set(1, 3)
    other.set(2, 3)
    other.set(1, 2)
    assert.deepEqual([one.get(1), one.get(2), other.get(1)], [2, 3, 2])
    assert.deepEqual([one.size, one.insertions, one.evictions], [2, 2, 0])
    assert.equal(other.purge(3), 1)
    assert.deepEqual([one.get(2), other.insertions, other.evictions], [undefined, 2, 0])
  })

  it('holds slightly fewer entries than configured, and never more', () => {
    const store = new SharedSessionStore(
      { clock: new FakeClock(), idleTtlMs: 0 },
      cellsFor(new SharedState(), 1000),
    )
    for (let key = 0; key < 5_000; key++) store.set(key * 7_919_000_000, key % 4)
    assert.equal(store.capacity, 1000)
    assert.ok(store.size > 900 && store.size <= 1000, `${store.size}`)
    assert.equal(store.size + store.evictions, 5_000)
  })
})
