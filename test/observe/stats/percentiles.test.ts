import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HistogramTable } from '../../../src/kernel/cells/histogram-table.ts'
import { exposedBounds, exposeHistogram } from '../../../src/observe/prometheus/histograms.ts'
import { type HistogramKind, histogramBounds } from '../../../src/observe/stats/histogram-bounds.ts'
import type { Sample } from '../../../src/observe/stats/sample.ts'
import { readSamplerCells, Sampler } from '../../../src/observe/stats/sampler.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { threadPlaces } from '../../support/threads.ts'

const minMs = 0.1
const maxMs = 3_600_000
const shares = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
const timeKinds = ['duration', 'firstToken', 'interToken', 'queueWait'] as const

const inRange = (value: number) => Math.min(maxMs, Math.max(minMs, value))
const unit = fc.double({ min: 0, max: 1, noNaN: true })
const duration = unit.map((share) => minMs * (maxMs / minMs) ** share)
const units = fc.array(unit, { minLength: 1, maxLength: 400 })

/** Values in milliseconds. */
const distributions: Readonly<Record<string, fc.Arbitrary<readonly number[]>>> = {
  uniform: fc
    .tuple(duration, duration, units)
    .map(([a, b, shares]) => shares.map((share) => a + (b - a) * share)),
  lognormal: fc
    .tuple(
      duration,
      fc.double({ min: 0.05, max: 2, noNaN: true }),
      fc.array(fc.tuple(unit, unit), { minLength: 1 }),
    )
    .map(([median, sigma, pairs]) => pairs.map(([u, v]) => inRange(median * Math.exp(sigma * normal(u, v))))),
  bimodal: fc
    .tuple(duration, duration, units)
    .map(([fast, slow, shares]) =>
      shares.map((share) => inRange((share < 0.8 ? fast : slow) * (0.9 + share / 5))),
    ),
  constant: fc
    .tuple(duration, fc.integer({ min: 1, max: 300 }))
    .map(([value, count]) => Array.from({ length: count }, () => value)),
  'around a bound': fc
    .tuple(fc.constantFrom(...histogramBounds.duration.filter((bound) => bound >= minMs)), units)
    .map(([bound, shares]) => shares.map((share) => inRange(bound * (1 + (share - 0.5) * 1e-9)))),
}

/** Box and Muller. */
function normal(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(1 - u * 0.999_999)) * Math.cos(2 * Math.PI * v)
}

function exact(values: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * values.length))
  return values.toSorted((a, b) => a - b)[rank - 1] ?? assert.fail('no values')
}

function assertNear(given: number | undefined, expected: number, what: string): void {
  assert.ok(
    Math.abs((given ?? Number.NaN) - expected) <= expected * 0.05,
    `${what}: ${given}, not ${expected}`,
  )
}

describe('percentiles of durations from 0.1 ms to an hour', () => {
  for (const [name, values] of Object.entries(distributions)) {
    it(`are right within 5 %, over all threads: ${name}`, () => {
      fc.assert(
        fc.property(values, fc.constantFrom(...timeKinds), (recorded, kind) => {
          const tables = threadPlaces(3, (place) => new HistogramTable(histogramBounds[kind], 2, place))
          for (const [index, value] of recorded.entries()) tables[index % 3]?.record(1, value)
          const given = tables[0].quantiles(1, shares)
          for (const [index, share] of shares.entries())
            assertNear(given?.[index], exact(recorded, share), `${share} of ${recorded.length}`)
        }),
      )
    })

    it(`are right within 5 % in a window of samples: ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(values, values, async (earlier, recorded) => {
          const clock = new FakeClock()
          const cells = readSamplerCells(new SharedState({ endpoints: 1, models: 1 }))
          const samples: Sample[] = []
          const sampler = new Sampler({
            clock,
            cells,
            intervalMs: 2_000,
            capacity: 1,
            endpoints: () => [],
            tokensInFlight: () => 0,
            eventsDropped: () => 0,
            onSample: (json) => samples.push(JSON.parse(json)),
          })
          const { duration: durations, firstToken } = cells.totalHistograms
          for (const value of earlier) durations.record(0, value)
          await clock.advance(2_000)
          sampler.take()
          for (let take = 0; take < 15; take++) sampler.take()
          for (const value of recorded) {
            durations.record(0, value)
            firstToken.record(0, value)
          }
          sampler.take()
          for (const shown of [samples.at(-1)?.duration_ms, samples.at(-1)?.first_token_ms]) {
            assertNear(shown?.p50, exact(recorded, 0.5), 'p50')
            assertNear(shown?.p90, exact(recorded, 0.9), 'p90')
            assertNear(shown?.p99, exact(recorded, 0.99), 'p99')
          }
        }),
        { numRuns: 30 },
      )
    })
  }
})

describe('buckets for Prometheus', () => {
  for (const kind of Object.keys(exposedBounds) as HistogramKind[]) {
    it(`count exactly the values up to their bounds: ${kind}`, () => {
      const bounds = exposedBounds[kind]
      const near = fc
        .constantFrom(...bounds)
        .chain((bound) =>
          fc.constantFrom(bound, bound * (1 - Number.EPSILON), bound * (1 + Number.EPSILON), bound / 3),
        )
      fc.assert(
        fc.property(fc.array(fc.oneof(near, fc.double({ min: 0, max: 1e8, noNaN: true }))), (recorded) => {
          const tables = threadPlaces(2, (place) => new HistogramTable(histogramBounds[kind], 2, place))
          for (const [index, value] of recorded.entries()) tables[index % 2]?.record(index % 2, value)
          const { cumulative, count } = exposeHistogram(kind, tables[0], [0, 1])
          assert.deepEqual(
            cumulative,
            bounds.map((bound) => recorded.filter((value) => value <= bound).length),
          )
          assert.equal(count, recorded.length)
        }),
      )
    })
  }
})
