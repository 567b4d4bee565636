import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addSample,
  fitOf as cellsOf,
  confidenceOf,
  fitCells,
  fitWidth,
  predict,
} from '../../../src/routing/estimate/rate-fit.ts'

const guess = { baseMs: 200, tokenMs: 0.5, busyMs: 200 }
const prior = cellsOf(guess)

function fitOf(samples: readonly (readonly [tokens: number, busy: number, firstTokenMs: number])[]) {
  const cells = new Float64Array(fitWidth)
  for (const [tokens, busy, firstTokenMs] of samples)
    addSample(cells, 0, { tokens, busy, firstTokenMs }, prior, 0)
  return cells
}

const rates = fc.record({
  baseMs: fc.double({ min: 1, max: 2_000, noNaN: true }),
  tokenMs: fc.double({ min: 0.01, max: 5, noNaN: true }),
  busyMs: fc.double({ min: 0, max: 500, noNaN: true }),
})

describe('the fit of first-token times', () => {
  it('finds the line of samples that lie on one', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 1_000 }), ({ baseMs, tokenMs, busyMs }, seed) => {
        const cells = fitOf(
          Array.from({ length: 80 }, (_, at) => {
            const tokens = ((at + seed) * 397) % 4_001
            const busy = ((at + seed) * 7) % 9
            return [tokens, busy, baseMs + tokens * tokenMs + busy * busyMs]
          }),
        )
        for (const [tokens, busy] of [
          [0, 4],
          [2_000, 4],
          [4_000, 0],
        ] as const) {
          const truth = baseMs + tokens * tokenMs + busy * busyMs
          const error = Math.abs(predict(cells, 0, tokens, busy) - truth)
          // The prior still counts a little.
          assert.ok(error <= 60 + 0.12 * truth, `${error} of ${truth} at ${tokens} tokens, ${busy} busy`)
        }
      }),
    )
  })

  it('has no negative or unknown coefficient, whatever the samples', () => {
    const sample = fc.tuple(fc.nat(200_000), fc.nat(300), fc.double({ min: 0, max: 1e6, noNaN: true }))
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
        const cells = fitOf(samples)
        for (const cell of [fitCells.baseMs, fitCells.tokenMs, fitCells.busyMs]) {
          const value = cells[cell] ?? Number.NaN
          assert.ok(value >= 0 && Number.isFinite(value), String(value))
        }
        const confidence = confidenceOf(cells, 0)
        assert.ok(confidence > 0 && confidence <= 1)
      }),
    )
  })

  it('keeps the prior of what the samples say nothing about', () => {
    const cells = fitOf(Array.from({ length: 20 }, () => [1_000, 0, 300] as const))
    assert.ok(Math.abs(predict(cells, 0, 1_000, 0) - 300) < 30)
    assert.equal(Math.round(cells[fitCells.busyMs] ?? 0), guess.busyMs)
  })

  it('follows an endpoint that becomes slower', () => {
    const fast = Array.from({ length: 60 }, (_, at) => [(at * 37) % 1_000, 0, 100] as const)
    const slow = Array.from({ length: 30 }, (_, at) => [(at * 37) % 1_000, 0, 1_000] as const)
    const cells = fitOf([...fast, ...slow])
    assert.ok(predict(cells, 0, 500, 0) > 600, String(predict(cells, 0, 500, 0)))
  })

  it('is moved little by one outlier', () => {
    const usual = Array.from({ length: 40 }, (_, at) => [500, 0, 200 + (at % 5) * 10] as const)
    const before = predict(fitOf(usual), 0, 500, 0)
    const after = predict(fitOf([...usual, [500, 0, 60_000]]), 0, 500, 0)
    assert.ok(after - before < 0.5 * before, `${before} to ${after}`)
  })

  it('is more confident with more samples, and less with more scatter', () => {
    const even = (count: number, scatterMs: number) =>
      confidenceOf(
        fitOf(
          Array.from(
            { length: count },
            (_, at) => [500, 0, 500 + (at % 2 === 0 ? scatterMs : -scatterMs)] as const,
          ),
        ),
        0,
      )
    assert.equal(confidenceOf(new Float64Array(fitWidth), 0), 0)
    assert.ok(even(2, 0) < even(20, 0))
    assert.ok(even(20, 400) < even(20, 10))
  })
})
