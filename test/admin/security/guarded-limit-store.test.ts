import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { guardedLimitStore } from '../../../src/admin/security/guarded-limit-store.ts'
import type { LimitStore } from '../../../src/admin/security/limit-store.ts'

const limit = { perMinute: 60, burst: 10 }

describe('a guarded limit store', () => {
  it("returns the store's results and delegates all calls", () => {
    const calls: unknown[] = []
    const answer = { allowed: false, remaining: 0, retryAfterMs: 5, fullInMs: 7 }
    const store: LimitStore = {
      take(...given) {
        calls.push(given)
        return answer
      },
      giveBack: (...given) => void calls.push(given),
      clean: (...given) => void calls.push(given),
    }
    const guarded = guardedLimitStore(store, (error) => assert.fail(String(error)))
    assert.equal(guarded.take('a', limit, 1), answer)
    guarded.giveBack('a', limit)
    guarded.clean(2)
    assert.deepEqual(calls, [['a', limit, 1], ['a', limit], [2]])
  })

  it('limits no client if the store throws, and reports each error', () => {
    const error = new Error('mine')
    const fail = () => {
      throw error
    }
    const errors: unknown[] = []
    const guarded = guardedLimitStore({ take: fail, giveBack: fail, clean: fail }, (each) =>
      errors.push(each),
    )
    assert.equal(guarded.take('a', limit, 1).allowed, true)
    guarded.giveBack('a', limit)
    guarded.clean(2)
    assert.deepEqual(errors, [error, error, error])
  })
})
