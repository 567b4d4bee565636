import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chartColumns, chartDefinitions, chartSummary, chartTable } from '../../dashboard/src/state/charts.ts'
import { endpointLatency, recentFigures, sparkValues } from '../../dashboard/src/state/sample-figures.ts'
import { sampleAt } from './samples.ts'

const requestsChart = chartDefinitions.find(({ id }) => id === 'requests')
const firstTokenChart = chartDefinitions.find(({ id }) => id === 'first-token')
assert.ok(requestsChart)
assert.ok(firstTokenChart)

describe('recent figures', () => {
  it('are rates over the elapsed time', () => {
    const samples = [
      sampleAt(0, { requests: 1000 }),
      sampleAt(30, { requests: 4, completion_tokens: 100, successes: 3, failures: 1 }),
      sampleAt(36, { requests: 4, completion_tokens: 300, successes: 4, interval_ms: 6000 }),
    ]
    assert.deepEqual(recentFigures(samples, 30_000), {
      requestsPerSecond: 1,
      tokensPerSecond: 50,
      successShare: 7 / 8,
    })
  })

  it('are empty without samples', () => {
    assert.equal(recentFigures([], 30_000), undefined)
    assert.equal(recentFigures([sampleAt(0)], 30_000)?.successShare, undefined)
  })
})

describe('a sparkline', () => {
  it('has forty points, the last one now, each the mean of its samples', () => {
    const samples = [
      sampleAt(0, { in_flight: 2 }),
      sampleAt(2, { in_flight: 4 }),
      sampleAt(6, { in_flight: 10 }),
    ]
    const values = sparkValues(samples, ({ in_flight }) => in_flight)
    assert.equal(values.length, 40)
    assert.deepEqual(values.slice(-3), [null, 3, 10])
  })

  it('does not move if samples only add to its last point', () => {
    const before = Array.from({ length: 90 }, (_, index) => sampleAt(index * 2, { in_flight: index }))
    const next = [...before, sampleAt(180, { in_flight: 5 })]
    const more = [...next, sampleAt(182, { in_flight: 7 })]
    const read = ({ in_flight }: { in_flight: number }) => in_flight
    assert.deepEqual(sparkValues(more, read).slice(0, -1), sparkValues(next, read).slice(0, -1))
  })

  it('is empty for an endpoint without answers', () => {
    const samples = [
      sampleAt(0, { endpoints: { a: [1, 0, 0, null] } }),
      sampleAt(6, { endpoints: { a: [0, 1, 0, 90] } }),
    ]
    assert.deepEqual(sparkValues(samples, endpointLatency('a')).slice(-2), [null, 90])
    assert.deepEqual(new Set(sparkValues(samples, endpointLatency('b'))), new Set([null]))
    assert.deepEqual(sparkValues([], endpointLatency('a')), [])
  })
})

describe('a chart', () => {
  it('interrupts its line if samples are missing', () => {
    const samples = [
      sampleAt(0, { requests: 2 }),
      sampleAt(2, { requests: 4 }),
      sampleAt(20, { requests: 6 }),
    ]
    const [times, ended] = chartColumns(samples, requestsChart)
    assert.equal(times.length, 4)
    assert.deepEqual(ended, [1, 2, null, 3])
    assert.ok(times.every((at, index) => at > (times[index - 1] ?? 0)))
  })

  it('describes its content as text', () => {
    const percentiles = { p50: 100, p90: 200, p99: 1500 }
    const samples = [
      sampleAt(0, { first_token_ms: { p50: 300, p90: 400, p99: 500 } }),
      sampleAt(2, { first_token_ms: percentiles }),
      sampleAt(4),
    ]
    assert.equal(
      chartSummary(samples, firstTokenChart),
      'Time to first token. p50: now 100 ms, highest 300 ms; p90: now 200 ms, highest 400 ms; p99: now 1.50 s, highest 1.50 s.',
    )
    assert.match(chartSummary([sampleAt(0)], firstTokenChart), /p50: none/)
  })

  it('is also a table of means per minute, newest first', () => {
    const samples = [
      sampleAt(0, { requests: 2 }),
      sampleAt(2, { requests: 6 }),
      sampleAt(60, { requests: 10 }),
    ]
    assert.deepEqual(
      chartTable(samples, requestsChart).map(({ values }) => values[0]),
      [5, 2],
    )
    assert.deepEqual(chartTable([sampleAt(0)], firstTokenChart)[0]?.values, [undefined, undefined, undefined])
  })
})
