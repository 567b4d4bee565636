import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SharedCache } from '../../../src/kernel/cells/shared-cache.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { runThreads, threadPlaces } from '../../support/threads.ts'

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, value: fc.nat(3) }),
  fc.record({ do: fc.constant('get' as const), key }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('deleteValue' as const), value: fc.nat(3) }),
  fc.record({ do: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 900 }) }),
)
const ttlMs = 1024

describe('a shared cache', () => {
  it('behaves like a map with a sliding time to live and LRU eviction', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = new FakeClock()
        const capacity = 3
        const caches = threadPlaces(2, (place) => new SharedCache({ capacity, ttlMs, clock }, place))
        const model = new Map<string, { value: number; usedMs: number }>()
        const expire = () => {
          for (const [each, { usedMs }] of model) {
            if (clock.monotonicMs() - usedMs > ttlMs) model.delete(each)
          }
        }
        for (const [at, each] of steps.entries()) {
          const cache = caches[at % 2] ?? assert.fail()
          // Every step has a time of its own, so that there is one least recently used entry.
          await clock.advance(1)
          expire()
          const usedMs = clock.monotonicMs()
          switch (each.do) {
            case 'set': {
              cache.set(each.key, each.value)
              model.delete(each.key)
              if (model.size === capacity) model.delete([...model.keys()][0] ?? '')
              model.set(each.key, { value: each.value, usedMs })
              break
            }
            case 'get': {
              const known = model.get(each.key)
              assert.equal(cache.get(each.key), known?.value)
              if (known === undefined) break
              model.delete(each.key)
              model.set(each.key, { value: known.value, usedMs })
              break
            }
            case 'delete':
              assert.equal(cache.delete(each.key), model.delete(each.key))
              break
            case 'deleteValue': {
              const doomed = [...model].filter(([, { value }]) => value === each.value)
              assert.equal(cache.deleteValue(each.value), doomed.length)
              for (const [name] of doomed) model.delete(name)
              break
            }
            case 'wait':
              await clock.advance(each.ticks)
              expire()
              break
          }
          assert.equal(cache.size(), model.size)
        }
      }),
    )
  })

  it('accepts hashes as keys, and peeks without counting a use', async () => {
    const clock = new FakeClock()
    const cache = new SharedCache({ capacity: 4096, ttlMs, clock })
    const keys = Array.from({ length: 500 }, (_, at) => at * 2 ** 40 + at * 7919)
    for (const [at, each] of keys.entries()) cache.set(each, at % 3)
    for (const [at, each] of keys.entries()) assert.equal(cache.peek(each), at % 3)
    assert.deepEqual(cache.tally(), [167, 167, 166])
    const [one = 0, other = 0] = keys
    for (let waited = 0; waited < ttlMs; waited += 100) {
      await clock.advance(100)
      cache.peek(one)
      cache.get(other)
    }
    await clock.advance(50)
    assert.deepEqual([cache.peek(one), cache.peek(other), cache.size()], [undefined, 1, 1])
  })

  it('never exceeds its capacity, and keeps nearly all entries at half of it', () => {
    const cache = new SharedCache({ capacity: 1000, ttlMs: 0, clock: new FakeClock() })
    for (let client = 0; client < 500; client++) cache.set(`client-${client}`, client)
    let found = 0
    for (let client = 0; client < 500; client++) {
      const value = cache.get(`client-${client}`)
      if (value !== undefined) assert.equal(value, client)
      if (value !== undefined) found++
    }
    assert.equal(cache.size(), found)
    assert.ok(found >= 480, `${found} of 500`)
    for (let client = 500; client < 5000; client++) cache.set(`client-${client}`, 1)
    assert.ok(cache.size() <= 1000)
    assert.equal(cache.clear(), 1000)
    assert.equal(cache.size(), 0)
  })

  it('keeps entries forever without a time to live', async () => {
    const clock = new FakeClock()
    const cache = new SharedCache({ capacity: 8, ttlMs: 0, clock })
    cache.set('a', SharedCache.maxValue)
    for (let day = 0; day < 30; day++) {
      await clock.advance(86_400_000)
      assert.equal(cache.size(), 1)
    }
    assert.equal(cache.get('a'), SharedCache.maxValue)
  })

  it('tolerates a clock that runs slightly behind', () => {
    let nowMs = 10_000
    const clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => assert.fail() }
    const cache = new SharedCache({ capacity: 8, ttlMs, clock })
    cache.set('a', 1)
    nowMs -= 1
    assert.equal(cache.get('a'), 1)
    assert.equal(cache.size(), 1)
  })

  it('rejects values out of range', () => {
    const cache = new SharedCache({ capacity: 8, ttlMs, clock: new FakeClock() })
    for (const value of [-1, 0.5, SharedCache.maxValue + 1, Number.NaN]) {
      assert.throws(() => cache.set('a', value), RangeError)
    }
    assert.equal(cache.get('a'), undefined)
  })

  it('stays consistent while threads set, get and delete the same keys', async () => {
    const blocks = new SharedBlocks(2)
    const cache = new SharedCache({ capacity: 64, ttlMs: 0, clock: new FakeClock() }, blocks.place('cache'))
    const results = await runThreads<{ wrong: number; hits: number }>(
      new URL('./shared-cache-worker.ts', import.meta.url),
      2,
      { blocks: blocks.description, capacity: 64, keys: 200, rounds: 100_000 },
    )
    for (const { wrong, hits } of results) {
      assert.equal(wrong, 0)
      assert.ok(hits > 0)
    }
    assert.ok(cache.size() <= 64)
    // Each key lies in one cell at most: deleting it once is enough.
    for (let each = 0; each < 200; each++) {
      cache.delete(`key-${each}`)
      assert.equal(cache.get(`key-${each}`), undefined)
    }
    assert.equal(cache.size(), 0)
  })
})
