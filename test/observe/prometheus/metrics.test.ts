import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HistogramTable } from '../../../src/kernel/cells/histogram-table.ts'
import { endpointMetrics, labelEndpoints } from '../../../src/observe/prometheus/endpoint-metrics.ts'
import { Exposition } from '../../../src/observe/prometheus/exposition.ts'
import { gatewayMetrics } from '../../../src/observe/prometheus/gateway-metrics.ts'
import { exposedBounds, exposeHistogram } from '../../../src/observe/prometheus/histograms.ts'
import { MetricSet } from '../../../src/observe/prometheus/metric.ts'
import { modelMetrics } from '../../../src/observe/prometheus/model-metrics.ts'
import { readModels } from '../../../src/observe/prometheus/model-series.ts'
import { ollaMetrics } from '../../../src/observe/prometheus/olla-metrics.ts'
import { GatewayStats } from '../../../src/observe/stats/gateway-stats.ts'
import { type HistogramKind, histogramBounds } from '../../../src/observe/stats/histogram-bounds.ts'
import { readStatsCells } from '../../../src/observe/stats/stats-cells.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { type ParsedFamily, parseExposition } from '../../support/exposition-parser.ts'
import { endpointSource, figures, request } from '../stats/fixtures.ts'

function counted(limit = 10) {
  const state = new SharedState({ endpoints: 4, models: 8 })
  const cells = readStatsCells(state)
  const stats = new GatewayStats(cells, (name) => (name.startsWith('known') ? name : undefined))
  const sources = () =>
    [0, 1].map((slot) =>
      endpointSource({
        endpoint: { slot, name: `box-${slot}` },
        traffic: stats.endpoint(slot),
        modelCount: 3,
      }),
    )
  const metrics = new MetricSet()
  metrics.add(gatewayMetrics, () => ({
    info: { version: '1', commit: 'none', engine: 'olla', profile: 'auto', balancer: 'priority' },
    configVersion: 1,
    nowMs: 5_000,
    startedAtMs: 2_000,
    state,
    cells,
    totals: stats.totals(),
    endpoints: sources(),
    security: { status: 'normal' as const, blockedIps: 1, rateLimits: 2, sizeLimits: 3 },
    waiting: 4,
    buffers: { heldBytes: 5, limitBytes: 6, refusals: 7 },
  }))
  metrics.add(endpointMetrics, () => ({ cells, endpoints: labelEndpoints(sources()) }))
  metrics.add(modelMetrics, () =>
    readModels({ cells, stats, endpoints: labelEndpoints(sources()), known: 9, limit }),
  )
  metrics.add(ollaMetrics, () => ({
    totals: stats.totals(),
    endpoints: labelEndpoints(sources()),
    models: readModels({ cells, stats, endpoints: labelEndpoints(sources()), known: 9, limit }),
  }))
  const scrape = async (format: 'text' | 'openmetrics' = 'openmetrics'): Promise<ParsedFamily[]> => {
    const out = new Exposition(format)
    for await (const _family of metrics.write(out));
    return parseExposition(out.end(), format)
  }
  return { cells, stats, metrics, scrape }
}

function sampleValue(
  families: readonly ParsedFamily[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  for (const { samples } of families) {
    const found = samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    if (found !== undefined) return found.value
  }
  return undefined
}

describe('metrics', () => {
  it('include Olla’s names', async () => {
    const { stats, scrape } = counted()
    stats.record(request({ model: 'known-a', durationMs: 100 }))
    stats.record(request({ model: 'known-a', durationMs: 300 }))
    stats.record(request({ model: 'known-a', outcome: 'failure', status: 502 }))
    const text = await scrape('text')
    const expected: readonly (readonly [string, Record<string, string>])[] = [
      ...[
        'olla_endpoints_total',
        'olla_success_rate_percent',
        'olla_avg_latency_ms',
        'olla_total_traffic_bytes',
        'olla_models_total',
        'olla_models_success_rate_percent',
        'olla_models_requests_total',
        'olla_models_traffic_bytes',
      ].map((name) => [name, {}] as const),
      ...['traffic_bytes', 'success_rate_percent', 'avg_latency_ms', 'models_count'].map(
        (name) => [`olla_endpoint_${name}`, { endpoint: 'box-0' }] as const,
      ),
      ...['traffic_bytes', 'success_rate_percent', 'avg_latency_ms', 'p95_latency_ms', 'p99_latency_ms'].map(
        (name) => [`olla_model_${name}`, { model: 'known-a' }] as const,
      ),
    ]
    for (const [name, labels] of expected) assert.notEqual(sampleValue(text, name, labels), undefined, name)
    const value = (name: string, labels?: Record<string, string>) => sampleValue(text, name, labels)
    assert.equal(value('olla_endpoints_total'), 2)
    assert.equal(value('olla_models_total'), 9)
    assert.equal(value('olla_models_requests_total'), 3)
    assert.equal(Math.round(value('olla_models_success_rate_percent') ?? 0), 67)
    assert.equal(value('olla_avg_latency_ms'), 200)
    assert.equal(value('olla_model_avg_latency_ms', { model: 'known-a' }), 200)
    assert.ok(Math.abs((value('olla_model_p95_latency_ms', { model: 'known-a' }) ?? 0) - 300) <= 15)

    // OpenMetrics has no place for the two that are counters under the same name.
    const names = new Set((await scrape()).flatMap(({ samples }) => samples.map(({ name }) => name)))
    const missing = expected.map(([name]) => name).filter((name) => !names.has(name))
    assert.deepEqual(missing, ['olla_endpoint_traffic_bytes', 'olla_model_traffic_bytes'])
  })

  it('count requests by outcome and code, for the gateway and each endpoint', async () => {
    const { stats, scrape } = counted()
    stats.record(request())
    stats.record(request({ endpointSlot: 1 }))
    stats.record(request({ outcome: 'failure', status: 502 }))
    stats.record(request({ outcome: 'rejection', status: 404, endpointSlot: undefined }))
    const families = await scrape()
    assert.equal(sampleValue(families, 'olla_requests_total', { outcome: 'success', code: '200' }), 2)
    assert.equal(sampleValue(families, 'olla_requests_total', { outcome: 'rejection', code: '404' }), 1)
    assert.equal(
      sampleValue(families, 'olla_endpoint_requests_total', {
        endpoint: 'box-0',
        outcome: 'failure',
        code: '502',
      }),
      1,
    )
    assert.equal(sampleValue(families, 'olla_failures_total'), 1)
    assert.equal(sampleValue(families, 'olla_uptime_seconds'), 3)
    assert.equal(sampleValue(families, 'olla_queue_waiting'), 4)
    assert.equal(sampleValue(families, 'olla_security_violations_total'), 5)
  })

  it('report times in seconds, and tokens by type', async () => {
    const { stats, scrape } = counted()
    const answer = figures({ firstTokenMs: 300, cachedTokens: 8, generationMs: 500, loadMs: 1_500 })
    stats.record(
      request({
        model: 'known',
        durationMs: 1_200,
        promptTokens: 20,
        completionTokens: 10,
        answer,
        attempts: 2,
      }),
    )
    const families = await scrape()
    const bucket = (name: string, le: string) => sampleValue(families, `${name}_bucket`, { le })
    assert.equal(bucket('olla_request_duration_seconds', '1.0'), 0)
    assert.equal(bucket('olla_request_duration_seconds', '2.0'), 1)
    assert.equal(sampleValue(families, 'olla_request_duration_seconds_sum'), 1.2)
    assert.equal(bucket('olla_time_to_first_token_seconds', '0.2'), 0)
    assert.equal(bucket('olla_time_to_first_token_seconds', '0.3'), 1)
    assert.equal(bucket('olla_request_attempts', '1.0'), 0)
    assert.equal(bucket('olla_request_attempts', '2.0'), 1)
    for (const prefix of ['olla', 'olla_endpoint', 'olla_model']) {
      assert.equal(sampleValue(families, `${prefix}_tokens_total`, { type: 'prompt' }), 20)
      assert.equal(sampleValue(families, `${prefix}_tokens_total`, { type: 'completion' }), 10)
      assert.equal(sampleValue(families, `${prefix}_cached_tokens_total`), 8)
    }
    assert.equal(sampleValue(families, 'olla_model_generation_seconds_total', { model: 'known' }), 0.5)
    assert.equal(sampleValue(families, 'olla_model_load_seconds_total', { model: 'known' }), 1.5)
    assert.equal(
      sampleValue(families, 'olla_model_endpoint_requests_total', { model: 'known', endpoint: 'box-0' }),
      1,
    )
  })

  it('give the models requested first their own series, and combine all others', async () => {
    const { stats, scrape } = counted(2)
    const asked = ['known-1', 'known-2', 'known-3', 'known-4', 'known-1', 'nobody knows this']
    for (const model of asked) stats.record(request({ model }))
    const families = await scrape()
    const requests = families.find(({ name }) => name === 'olla_model_requests')?.samples
    assert.deepEqual(
      requests?.map(({ labels, value }) => [labels.model, value]),
      [
        ['known-1', 2],
        ['known-2', 1],
        ['(other)', 3],
      ],
    )
    assert.equal(sampleValue(families, 'olla_model_request_duration_seconds_count', { model: '(other)' }), 3)
    assert.equal(sampleValue(families, 'olla_models_active'), 4)
    assert.equal(sampleValue(families, 'olla_models'), 9)
  })

  it('have no duplicate series if endpoints share a name', () => {
    const twins = [0, 1].map((slot) => endpointSource({ endpoint: { slot, name: 'box', id: `id${slot}` } }))
    assert.deepEqual(
      labelEndpoints(twins).map(({ labels }) => labels),
      ['endpoint="box"', 'endpoint="box (id1)"'],
    )
  })

  it('cannot be added twice', () => {
    const { metrics } = counted()
    assert.throws(() => metrics.add(endpointMetrics, () => assert.fail()), RangeError)
  })
})

describe('an exposed histogram', () => {
  it('has only bounds that are stored', () => {
    for (const [kind, bounds] of Object.entries(exposedBounds)) {
      const kept: readonly number[] = histogramBounds[kind as HistogramKind]
      for (const bound of bounds) assert.ok(kept.includes(bound), `${kind} ${bound}`)
    }
  })

  it('sums rows and counts values above all bounds', () => {
    const table = new HistogramTable(histogramBounds.attempts, 3)
    for (const value of [1, 6, 20]) table.record(0, value)
    table.record(1, 30)
    table.record(2, 1)
    const { bounds, cumulative, count, sum } = exposeHistogram('attempts', table, [0, 1])
    assert.deepEqual(bounds, [1, 2, 3, 4, 5, 7, 10, 20])
    assert.deepEqual(cumulative, [1, 1, 1, 1, 1, 2, 2, 3])
    assert.deepEqual([count, sum], [4, 57])
  })
})
