import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HedgeBudget } from '../../../src/proxy/hedging/hedge-budget.ts'

describe('hedge budget', () => {
  it('starts empty', () => {
    assert.equal(new HedgeBudget(new Int32Array(1), { share: 1, burst: 10 }).spend(), false)
  })

  it('allows a share of the requests', () => {
    const budget = new HedgeBudget(new Int32Array(1), { share: 0.05, burst: 10 })
    let hedges = 0
    for (let request = 0; request < 1_000; request++) {
      budget.requestStarted()
      if (budget.spend()) hedges++
    }
    assert.equal(hedges, 50)
  })

  it('keeps at most its burst, for all threads together', () => {
    const cells = new Int32Array(new SharedArrayBuffer(4))
    const one = new HedgeBudget(cells, { share: 1, burst: 3 })
    const other = new HedgeBudget(cells, { share: 1, burst: 3 })
    for (let request = 0; request < 100; request++) one.requestStarted()
    assert.equal(other.available, 3)
    assert.deepEqual([one.spend(), other.spend(), one.spend(), other.spend()], [true, true, true, false])
  })

  it('applies another share and burst at once', () => {
    const budget = new HedgeBudget(new Int32Array(1), { share: 1, burst: 10 })
    for (let request = 0; request < 20; request++) budget.requestStarted()
    budget.use({ share: 0, burst: 2 })
    budget.requestStarted()
    assert.equal(budget.available, 2)
  })

  it('never allows more than the share of the requests so far, nor holds more than its burst', () => {
    const steps = fc.array(fc.record({ thread: fc.nat(2), spends: fc.boolean() }), { maxLength: 400 })
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 1, max: 20 }),
        steps,
        (units, burst, all) => {
          const share = units / 10_000
          const cells = new Int32Array(1)
          const threads = [0, 1, 2].map(() => new HedgeBudget(cells, { share, burst }))
          let requests = 0
          let hedges = 0
          for (const { thread, spends } of all) {
            const budget = threads[thread] ?? assert.fail()
            if (!spends) {
              budget.requestStarted()
              requests++
            } else if (budget.spend()) hedges++
            assert.ok(budget.available <= burst)
            assert.ok(hedges <= requests * share + 1e-6, `${hedges} of ${requests}`)
          }
        },
      ),
    )
  })
})
