import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { CounterTable } from '../../../src/kernel/cells/counter-table.ts'
import type { Timings } from '../../../src/observe/stats/timings.ts'
import { readTraffic, type Traffic } from '../../../src/observe/stats/traffic.ts'
import { trafficColumns } from '../../../src/observe/stats/traffic-columns.ts'
import type { EndpointSource } from '../../../src/observe/views/source.ts'
import type { AnswerFigures, RequestRecord } from '../../../src/proxy/contract/request-record.ts'

/** A successful request of a known model on endpoint 0. */
export function request(overrides: Partial<RequestRecord> = {}): RequestRecord {
  return {
    endpointSlot: 0,
    model: 'llama3:8b',
    outcome: 'success',
    status: 200,
    requestBytes: 100,
    responseBytes: 280,
    durationMs: 40,
    firstByteMs: 10,
    completedAtMs: 1_800_000_000_000,
    ...overrides,
  }
}

export const noTimings: Timings = { duration: undefined, firstToken: undefined, interToken: undefined }

/** Figures of an answer that reports none. */
export function figures(overrides: Partial<AnswerFigures> = {}): AnswerFigures {
  return {
    contentEvents: undefined,
    isCounted: false,
    firstTokenMs: undefined,
    interTokenMs: undefined,
    interTokenMaxMs: undefined,
    generationMs: undefined,
    tokensPerSecond: undefined,
    cachedTokens: undefined,
    loadMs: undefined,
    promptMs: undefined,
    ...overrides,
  }
}

export function endpoint(overrides: Partial<Endpoint> = {}): Endpoint {
  const slot = overrides.slot ?? 0
  return {
    slot,
    id: `id${slot}`,
    name: `endpoint-${slot}`,
    tags: [],
    url: `http://127.0.0.1:${9000 + slot}`,
    origin: `http://127.0.0.1:${9000 + slot}`,
    basePath: '',
    preservePath: false,
    type: 'openai-compatible',
    profile: undefined,
    priority: 100,
    weight: 1,
    maxConcurrent: 0,
    healthUrl: `http://127.0.0.1:${9000 + slot}/health`,
    modelUrl: `http://127.0.0.1:${9000 + slot}/v1/models`,
    ownHealthUrl: false,
    ownModelUrl: false,
    checkIntervalMs: 5_000,
    checkTimeoutMs: 2_000,
    unhealthyThreshold: 3,
    headers: [],
    secretHeaderNames: new Set(),
    credentialNames: new Set(),
    allowsManagement: false,
    modelFilter: { include: [], exclude: [] },
    signals: [],
    ownSignals: false,
    timeouts: { connectMs: 0, tlsMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 },
    breaker: {
      enabled: true,
      failureThreshold: 5,
      openDurationMs: 30_000,
      trialTimeoutMs: 30_000,
      failureStatuses: new Set([500]),
      connectionErrors: true,
      timeouts: true,
      slowFirstByteMs: 0,
    },
    ...overrides,
  }
}

export function traffic(overrides: Partial<Traffic> = {}): Traffic {
  return {
    ...readTraffic(new CounterTable(trafficColumns, 1), 0),
    ...overrides,
  }
}

/** A healthy endpoint that has not been used. */
export function endpointSource(
  overrides: Partial<Omit<EndpointSource, 'endpoint' | 'traffic' | 'status'>> & {
    endpoint?: Partial<Endpoint>
    traffic?: Partial<Traffic>
    status?: Partial<EndpointSource['status']>
  } = {},
): EndpointSource {
  return {
    inFlight: 0,
    timings: noTimings,
    probe: {
      lastCheckMs: undefined,
      nextCheckMs: undefined,
      lastLatencyMs: undefined,
      consecutiveFailures: 0,
      lastError: undefined,
    },
    breaker: {
      state: 'closed',
      reason: '',
      consecutiveFailures: 0,
      sinceMs: undefined,
      retryAtMs: undefined,
    },
    modelIssues: [],
    modelCount: 0,
    modelsSyncedAtMs: undefined,
    listError: undefined,
    engine: { reading: undefined, loaded: undefined },
    ...overrides,
    endpoint: endpoint(overrides.endpoint),
    traffic: traffic(overrides.traffic),
    status: { status: 'healthy', reason: 'answered', sinceMs: 0, ...overrides.status },
  }
}
