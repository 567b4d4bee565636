import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ModelTraffic } from '../../../src/observe/stats/gateway-stats.ts'
import type { Traffic } from '../../../src/observe/stats/traffic.ts'
import { modelStatsView } from '../../../src/observe/views/model-stats.ts'
import { noTimings, traffic } from '../stats/fixtures.ts'

const nowMs = 1_800_000_000_000

function model(name: string, overrides: Partial<Traffic>, rest: Partial<ModelTraffic> = {}): ModelTraffic {
  return {
    name,
    traffic: traffic(overrides),
    timings: { ...noTimings, duration: { p50: 0.2, p95: 3, p99: 4 } },
    clients: 0,
    placements: [],
    ...rest,
  }
}

const busy = model(
  'test-model',
  {
    requests: 35,
    successes: 35,
    successRate: 100,
    averageMs: 0.2,
    responseBytes: 10_742,
    lastUsedAtMs: nowMs - 60_000,
  },
  {
    clients: 2,
    placements: [
      { slot: 0, requests: 35, successRate: 100, averageMs: 12, failuresInRow: 0, lastUsedAtMs: nowMs },
    ],
  },
)
const endpoints = [
  {
    slot: 0,
    name: 'box',
    traffic: traffic({ requests: 35, successRate: 100, averageMs: 12, lastUsedAtMs: nowMs }),
  },
  { slot: 1, name: 'idle', traffic: traffic() },
]

function view(
  models: readonly ModelTraffic[],
  flags: { includeEndpoints?: boolean; includeSummary?: boolean } = {},
) {
  return modelStatsView({
    models,
    endpoints,
    nowMs,
    includeEndpoints: false,
    includeSummary: false,
    ...flags,
  })
}

describe('/internal/stats/models', () => {
  it('has the contract’s keys and texts (appendix A)', () => {
    assert.deepEqual(view([busy]), {
      timestamp: '2027-01-15T08:00:00.000Z',
      endpoints: {},
      models: [
        {
          name: 'test-model',
          total_requests: 35,
          successful_requests: 35,
          failed_requests: 0,
          client_closed: 0,
          success_rate: '100%',
          total_traffic: '10.49 KB',
          average_latency: '0ms',
          p95_latency: '3ms',
          p99_latency: '4ms',
          average_first_byte: '0ms',
          last_requested: '1m ago',
          unique_clients: 2,
          routing_hits: 0,
          routing_misses: 0,
          routing_fallbacks: 0,
          prompt_tokens: 0,
          completion_tokens: 0,
          cached_tokens: 0,
          p50_latency_ms: 0.2,
          p95_latency_ms: 3,
          p99_latency_ms: 4,
        },
      ],
      summary: {
        total_models: 1,
        active_models: 1,
        total_requests: 35,
        overall_success_rate: '100%',
        total_traffic: '10.49 KB',
        most_popular_model: 'test-model',
        least_popular_model: 'test-model',
      },
    })
  })

  it('has percentiles and speeds after the first measurements', () => {
    const firstToken = { p50: 40, p95: 50, p99: 75 }
    const fast = model('m', { requests: 1, tokensPerSecond: 41.5 }, { timings: { ...noTimings, firstToken } })
    const row = view([fast]).models[0]
    assert.partialDeepStrictEqual(row, {
      tokens_per_second: 41.5,
      p50_first_token_ms: 40,
      p95_first_token_ms: 50,
      p99_first_token_ms: 75,
    })
    assert.equal(row?.p50_latency_ms, undefined)
  })

  it('includes endpoints and a summary on request', () => {
    const box = {
      endpoint_name: 'box',
      request_count: 35,
      success_rate: 100,
      average_latency: '12ms',
      last_used: '0s ago',
      consecutive_errors: 0,
    }
    assert.deepEqual(view([busy], { includeEndpoints: true }).models[0]?.endpoint_breakdown, { box })
    assert.deepEqual(view([busy], { includeSummary: true }).endpoints, { box })
  })

  it('sorts by requests and finds the most and the least popular', () => {
    const result = view([
      model('b', { requests: 2, lastUsedAtMs: nowMs - 3_600_001 }),
      model('a', { requests: 2, lastUsedAtMs: nowMs }),
      model('never', { routingMisses: 1 }),
      busy,
    ])
    assert.deepEqual(
      result.models.map(({ name }) => name),
      ['test-model', 'a', 'b', 'never'],
    )
    assert.partialDeepStrictEqual(result.summary, {
      total_models: 4,
      active_models: 2,
      most_popular_model: 'test-model',
      least_popular_model: 'b',
    })
  })

  it('is empty before the first request', () => {
    assert.partialDeepStrictEqual(view([]).summary, {
      total_models: 0,
      overall_success_rate: 'N/A',
      most_popular_model: '',
      least_popular_model: '',
    })
  })
})
