import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EndpointStatus } from '../../../src/kernel/endpoint-status.ts'
import { endpointsView } from '../../../src/observe/views/endpoints.ts'
import type { EndpointSource } from '../../../src/observe/views/source.ts'
import { statusView, systemStatus } from '../../../src/observe/views/status.ts'
import { endpointSource, traffic } from '../stats/fixtures.ts'

const nowMs = Date.UTC(2026, 10, 22, 23, 55, 45)

function status(endpoints: readonly EndpointSource[], totals = traffic()) {
  return statusView({
    nowMs,
    startedAtMs: nowMs - 1_578_000,
    version: '1.2.3',
    commit: 'none',
    configVersion: 1,
    proxy: { engine: 'olla', profile: 'auto', balancer: 'least-connections' },
    endpoints,
    totals,
    security: { status: 'normal', blockedIps: 0, rateLimits: 2, sizeLimits: 1 },
  })
}

const used = endpointSource({
  endpoint: { id: '1ajx2wh', name: 'mock', url: 'http://127.0.0.1:19436' },
  inFlight: 2,
  modelCount: 2,
  modelsSyncedAtMs: nowMs - 18_000,
  traffic: {
    requests: 40,
    successes: 39,
    failures: 1,
    successRate: 97.5,
    averageMs: 3.6,
    minMs: 0.4,
    maxMs: 8,
    responseBytes: 13_701,
  },
  probe: {
    lastCheckMs: nowMs - 17_000,
    nextCheckMs: nowMs + 3_000,
    lastLatencyMs: 4.4,
    consecutiveFailures: 0,
    lastError: undefined,
  },
})

describe('/internal/status', () => {
  it('has the contract’s keys and texts (appendix A)', () => {
    const view = status(
      [used],
      traffic({
        requests: 158,
        successes: 150,
        failures: 2,
        successRate: 98.68,
        averageMs: 0.3,
        responseBytes: 53_012,
        clientClosed: 6,
      }),
    )
    assert.deepEqual(view, {
      timestamp: '2026-11-22T23:55:45.000Z',
      proxy: { engine: 'olla', profile: 'auto', balancer: 'least-connections' },
      endpoints: [
        {
          id: '1ajx2wh',
          name: 'mock',
          url: 'http://127.0.0.1:19436',
          status: 'healthy',
          priority: 100,
          connections: 2,
          requests: 40,
          success_rate: '97.5%',
          avg_latency: '4ms',
          avg_latency_ms: 4,
          min_latency_ms: 0,
          max_latency_ms: 8,
          traffic: '13.38 KB',
          last_check: '17s ago',
          next_check: 'in 3s',
          health_check_at: '2026-11-22T23:55:28.000Z',
          next_check_at: '2026-11-22T23:55:48.000Z',
          models: { count: 2, last_updated: '2026-11-22T23:55:27.000Z' },
          issues: '',
          breaker: { state: 'closed', reason: '' },
        },
      ],
      security: { status: 'normal', blocked_ips: 0, violations: { rate_limits: 2, size_limits: 1 } },
      system: {
        start_time: '2026-11-22T23:29:27.000Z',
        uptime: '26m',
        version: '1.2.3',
        commit: 'none',
        config_version: 1,
        status: 'healthy',
        endpoints_up: '1/1',
        success_rate: '98.7%',
        avg_latency: '0ms',
        total_traffic: '51.77 KB',
        active_connections: 2,
        security_violations: 3,
        total_requests: 158,
        total_failures: 2,
        client_closed: 6,
        has_traffic: true,
      },
    })
  })

  it('reports nothing about an endpoint that was neither used nor probed', () => {
    const [row] = status([endpointSource({ status: { status: 'unknown' } })]).endpoints
    assert.ok(row !== undefined)
    assert.equal(row.success_rate, 'N/A')
    assert.equal(row.last_check, 'never')
    assert.equal(row.next_check, 'unknown')
    assert.equal(row.issues, '')
    for (const key of ['avg_latency_ms', 'health_check_at', 'next_check_at']) assert.ok(!(key in row), key)
    assert.ok(!('last_updated' in row.models))
  })

  it('sorts by priority, then healthy first, then name, then ID', () => {
    const make = (name: string, priority: number, to: EndpointStatus, id = name) =>
      endpointSource({ endpoint: { name, priority, id }, status: { status: to } })
    const view = status([
      make('c', 100, 'offline'),
      make('b', 100, 'healthy'),
      make('same', 50, 'healthy', '2'),
      make('a', 100, 'offline'),
      make('same', 50, 'healthy', '1'),
      make('z', 200, 'busy'),
    ])
    assert.deepEqual(
      view.endpoints.map(({ id }) => id),
      ['z', 'b', 'a', 'c', '1', '2'],
    )
  })

  it('lists the issues of an endpoint', () => {
    const issues = (source: EndpointSource) => status([source]).endpoints[0]?.issues
    const probe = { ...used.probe, consecutiveFailures: 4 }
    assert.equal(
      issues(
        endpointSource({
          probe,
          status: { status: 'offline' },
          traffic: { successes: 5, failures: 6, successRate: 45, averageMs: 5_001 },
        }),
      ),
      'consecutive failures, low success rate, high latency, unavailable',
    )
    assert.equal(issues(endpointSource({ traffic: { successes: 1, failures: 9, successRate: 10 } })), '')
    assert.equal(issues(endpointSource({ traffic: { attempts: 20, failedAttempts: 3 } })), 'low success rate')
    assert.equal(issues(endpointSource({ traffic: { attempts: 20, failedAttempts: 2 } })), '')
  })

  it('shows an open circuit with its reason and times', () => {
    const breaker = {
      state: 'open',
      reason: 'status 500',
      consecutiveFailures: 5,
      sinceMs: nowMs,
      retryAtMs: nowMs + 1,
    } as const
    assert.deepEqual(status([endpointSource({ breaker })]).endpoints[0]?.breaker, {
      state: 'open',
      reason: 'status 500',
      since: '2026-11-22T23:55:45.000Z',
      retry_at: '2026-11-22T23:55:45.001Z',
    })
  })

  it('derives the overall status from routable endpoints and the success rate', () => {
    for (const [up, endpoints, rate, expected] of [
      [0, 0, undefined, 'critical'],
      [1, 3, undefined, 'critical'],
      [1, 2, undefined, 'degraded'],
      [4, 5, undefined, 'healthy'],
      [5, 5, 89.9, 'critical'],
      [5, 5, 94.9, 'degraded'],
      [5, 5, 95, 'healthy'],
    ] as const) {
      assert.equal(systemStatus(up, endpoints, rate), expected, `${up}/${endpoints} ${rate}`)
    }
  })

  it('has no success rate without successes and failures', () => {
    const { system } = status([used])
    assert.equal(system.success_rate, 'N/A')
    assert.equal(system.has_traffic, false)
    assert.equal(status([used], traffic({ requests: 1, clientClosed: 1 })).system.success_rate, 'N/A')
  })
})

describe('/internal/status/endpoints', () => {
  it('has the keys of the contract and of the gateway', () => {
    const view = endpointsView([used], nowMs)
    assert.deepEqual(view, {
      timestamp: '2026-11-22T23:55:45.000Z',
      endpoints: [
        {
          id: '1ajx2wh',
          name: 'mock',
          type: 'openai-compatible',
          status: 'healthy',
          status_reason: 'answered',
          status_since: '1970-01-01T00:00:00.000Z',
          url: 'http://127.0.0.1:19436',
          priority: 100,
          weight: 1,
          max_concurrent: 0,
          in_flight: 2,
          model_count: 2,
          request_count: 40,
          failures: 1,
          client_closed: 0,
          attempts: 0,
          failed_attempts: 0,
          failovers: 0,
          active_connections: 2,
          avg_latency_ms: 4,
          min_latency_ms: 0,
          max_latency_ms: 8,
          prompt_tokens: 0,
          completion_tokens: 0,
          cached_tokens: 0,
          success_rate: '97.5%',
          health_check: '17s ago',
          health_check_at: '2026-11-22T23:55:28.000Z',
          next_check_at: '2026-11-22T23:55:48.000Z',
          last_model_sync: '18s ago',
          last_model_sync_at: '2026-11-22T23:55:27.000Z',
          response_time: '4ms',
          breaker: { state: 'closed', reason: '' },
        },
      ],
      total_count: 1,
      healthy_count: 1,
      routable_count: 1,
    })
  })

  it('has percentiles and speeds after the first measurements', () => {
    const source = endpointSource({
      traffic: { promptTokens: 9, completionTokens: 4, cachedTokens: 3, tokensPerSecond: 41.5, failovers: 2 },
      timings: {
        duration: { p50: 100, p95: 300, p99: 500 },
        firstToken: { p50: 40, p95: 50, p99: 75 },
        interToken: { p50: 0.5, p95: 12.5, p99: 20 },
      },
    })
    assert.partialDeepStrictEqual(endpointsView([source], nowMs).endpoints[0], {
      failovers: 2,
      p50_latency_ms: 100,
      p99_latency_ms: 500,
      p95_first_token_ms: 50,
      p50_inter_token_ms: 0.5,
      p95_inter_token_ms: 12.5,
      prompt_tokens: 9,
      completion_tokens: 4,
      cached_tokens: 3,
      tokens_per_second: 41.5,
    })
  })

  it('counts busy and warming endpoints as routable, not as healthy', () => {
    const statuses: EndpointStatus[] = ['healthy', 'busy', 'warming', 'unknown', 'offline', 'rate_limited']
    const view = endpointsView(
      statuses.map((each, slot) => endpointSource({ endpoint: { slot }, status: { status: each } })),
      nowMs,
    )
    assert.deepEqual([view.total_count, view.healthy_count, view.routable_count], [6, 1, 3])
  })

  it('reports why an endpoint is unavailable', () => {
    const [row] = endpointsView(
      [
        endpointSource({
          status: { status: 'offline', reason: 'connection refused', sinceMs: nowMs },
          probe: { ...used.probe, consecutiveFailures: 9, lastError: 'connection refused' },
        }),
      ],
      nowMs,
    ).endpoints
    assert.partialDeepStrictEqual(row, {
      status_reason: 'connection refused',
      status_since: '2026-11-22T23:55:45.000Z',
      last_error: 'connection refused',
      issues: 'unavailable',
    })
  })
})

const openCircuit = {
  state: 'open',
  reason: '5 consecutive failures, the last: status 500',
  consecutiveFailures: 5,
  sinceMs: nowMs,
  retryAtMs: nowMs + 30_000,
} as const

describe('unavailable models in /internal/status/endpoints', () => {
  it('are listed with their circuit and remaining pause, and omitted if there are none', () => {
    const [none, some] = endpointsView(
      [
        endpointSource({ endpoint: { name: 'a' } }),
        endpointSource({
          endpoint: { name: 'b' },
          modelIssues: [
            { model: 'broken', circuit: openCircuit, pauseMs: 0 },
            { model: 'limited', circuit: undefined, pauseMs: 900.4 },
          ],
        }),
      ],
      nowMs,
    ).endpoints
    assert.equal(none?.models_out, undefined)
    assert.deepEqual(
      some?.models_out?.map(({ model, breaker, pause_ms }) => [model, breaker?.state, pause_ms]),
      [
        ['broken', 'open', undefined],
        ['limited', undefined, 901],
      ],
    )
  })
})

describe('issues of an endpoint in /internal/status/endpoints', () => {
  const failing = { lastCheckMs: nowMs, nextCheckMs: undefined, lastLatencyMs: 1, consecutiveFailures: 4 }
  const rows: [string, Parameters<typeof endpointSource>[0], string | undefined, string | undefined][] = [
    ['serves', { modelCount: 1, modelsSyncedAtMs: nowMs }, undefined, undefined],
    ['has not listed its models yet', {}, undefined, undefined],
    [
      'has an open circuit',
      { modelCount: 1, breaker: openCircuit, listError: 'no answer' },
      'circuit open',
      '5 consecutive failures, the last: status 500',
    ],
    [
      'has models that fail',
      { modelCount: 2, modelIssues: [{ model: 'big', circuit: openCircuit, pauseMs: 0 }] },
      'models failing',
      'big: 5 consecutive failures, the last: status 500',
    ],
    [
      'has a model that pauses',
      { modelCount: 2, modelIssues: [{ model: 'big', circuit: undefined, pauseMs: 900 }] },
      'models failing',
      undefined,
    ],
    ['lists no models', { modelsSyncedAtMs: nowMs }, 'no models', undefined],
    [
      'has a list that cannot be read',
      { listError: 'the model list was answered with status 404' },
      'model list failed',
      'the model list was answered with status 404',
    ],
    [
      'has models from an earlier list',
      { modelCount: 1, modelsSyncedAtMs: nowMs, listError: 'no answer' },
      'model list failed',
      'no answer',
    ],
    [
      'fails its probes',
      { status: { status: 'offline' }, probe: { ...failing, lastError: 'refused' }, listError: 'no answer' },
      'unavailable',
      'refused',
    ],
    [
      'fails some probes',
      { modelCount: 1, probe: { ...failing, lastError: 'status 503' } },
      'unstable',
      'status 503',
    ],
  ]
  for (const [title, overrides, issues, lastError] of rows) {
    it(`are none or one: the endpoint ${title}`, () => {
      const [shown] = endpointsView([endpointSource(overrides)], nowMs).endpoints
      assert.equal(shown?.issues, issues)
      assert.equal(shown?.last_error, lastError)
    })
  }
})
