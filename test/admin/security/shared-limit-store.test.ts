import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RateLimit } from '../../../src/admin/security/limit-store.ts'
import { SharedLimitStore } from '../../../src/admin/security/shared-limit-store.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { runThreads, threadPlaces } from '../../support/threads.ts'

/** A straightforward model of a bucket: a number of tokens that grows with time. */
class TextbookBucket {
  #tokens: number
  #atMs = 0
  readonly #limit: RateLimit

  constructor(limit: RateLimit) {
    this.#limit = limit
    this.#tokens = limit.burst
  }

  take(nowMs: number): { allowed: boolean; tokens: number } {
    this.#tokens = Math.min(
      this.#limit.burst,
      this.#tokens + ((nowMs - this.#atMs) * this.#limit.perMinute) / 60_000,
    )
    this.#atMs = nowMs
    const allowed = this.#tokens >= 1 - 1e-9
    if (allowed) this.#tokens--
    return { allowed, tokens: this.#tokens }
  }

  giveBack(): void {
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + 1)
  }
}

const limits = [
  { perMinute: 60, burst: 5 },
  { perMinute: 1000, burst: 50 },
  { perMinute: 6, burst: 1 },
] as const

describe('a shared limit store', () => {
  it('is one token bucket per key across threads', () => {
    const step = fc.record({
      thread: fc.nat(1),
      key: fc.constantFrom('a', 'b', 'c'),
      waitMs: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(20_000)),
      back: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.constantFrom(...limits), (steps, limit) => {
        const stores = threadPlaces(2, (place) => new SharedLimitStore(64, place))
        const model = new Map(['a', 'b', 'c'].map((key) => [key, new TextbookBucket(limit)]))
        let nowMs = 0
        for (const { thread, key, waitMs, back } of steps) {
          nowMs += waitMs
          const store = stores[thread] ?? assert.fail()
          const expected = model.get(key)?.take(nowMs) ?? assert.fail()
          const taken = store.take(key, limit, nowMs)
          assert.equal(taken.allowed, expected.allowed)
          assert.equal(taken.remaining, Math.floor(expected.tokens + 1e-9))
          const perMs = limit.perMinute / 60_000
          assert.ok(Math.abs(taken.fullInMs - (limit.burst - expected.tokens) / perMs) < 0.01)
          assert.ok(
            Math.abs(taken.retryAfterMs - (expected.allowed ? 0 : (1 - expected.tokens) / perMs)) < 0.01,
          )
          if (taken.allowed && back) {
            store.giveBack(key, limit)
            model.get(key)?.giveBack()
          }
        }
      }),
    )
  })

  it('allows exactly as many requests as there are tokens, from any number of threads', async () => {
    const threads = 2
    const limit = { perMinute: 100, burst: 10_000 }
    const blocks = new SharedBlocks(threads)
    const store = new SharedLimitStore(64, blocks.place('limits'))
    const allowed = await runThreads<number>(new URL('./limit-worker.ts', import.meta.url), threads, {
      blocks: blocks.description,
      limit,
      takes: 9_000,
    })
    assert.equal(
      allowed.reduce((sum, each) => sum + each, 0),
      limit.burst,
    )
    assert.equal(store.take('client', limit, 0).allowed, false)
  })

  it('stays bounded, and evicts a full bucket before a used one', () => {
    const store = new SharedLimitStore(8)
    const limit = { perMinute: 60, burst: 100 }
    for (let request = 0; request < 50; request++) store.take('busy', limit, 0)
    for (let client = 0; client < 1000; client++) store.take(`client-${client}`, limit, 0)
    assert.equal(store.size, 8)
    assert.equal(store.take('busy', limit, 0).remaining, 49)
  })

  it('forgets buckets that are full again', () => {
    const store = new SharedLimitStore(64)
    const limit = { perMinute: 60, burst: 10 }
    store.take('a', limit, 0)
    store.take('b', limit, 0)
    store.take('b', limit, 0)
    store.clean(999)
    assert.equal(store.size, 2)
    store.clean(1000)
    assert.equal(store.size, 1)
    store.clean(2000)
    assert.equal(store.size, 0)
  })

  it('treats a bucket that was idle for days as full, without a clean-up', () => {
    const limit = { perMinute: 1000, burst: 50 }
    for (let hours = 1; hours < 24 * 30; hours += 0.37) {
      const store = new SharedLimitStore(8)
      for (let request = 0; request < 50; request++) store.take('a', limit, 0)
      assert.equal(store.take('a', limit, hours * 3_600_000).remaining, 49, `after ${hours} hours`)
    }
  })

  it('continues when the time in a cell wraps around', () => {
    const wrapMs = 2 ** 36 * 0.004
    const limit = { perMinute: 60, burst: 3 }
    for (const beginMs of [wrapMs - 1500, wrapMs - 500, wrapMs, 5 * wrapMs - 2000]) {
      const store = new SharedLimitStore(8)
      for (let request = 0; request < 3; request++) assert.ok(store.take('a', limit, beginMs).allowed)
      assert.equal(store.take('a', limit, beginMs + 999).allowed, false)
      assert.equal(store.take('a', limit, beginMs + 1000).allowed, true)
      assert.equal(store.take('a', limit, beginMs + 1000).allowed, false)
    }
  })

  it('caps the refill time of a bucket at 38 hours', () => {
    const store = new SharedLimitStore(8)
    const limit = { perMinute: 1, burst: 1_000_000 }
    assert.equal(store.take('a', limit, 0).remaining, 2289)
    assert.equal(store.take('a', limit, 0).remaining, 2288)
  })

  it('gives nothing back to a key that it does not know', () => {
    const store = new SharedLimitStore(8)
    store.giveBack('nobody', { perMinute: 60, burst: 1 })
    assert.equal(store.size, 0)
  })
})
