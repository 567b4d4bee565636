import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import type { TrafficColumn } from './traffic-columns.ts'

/** One row of counters for display; times in milliseconds. */
export interface Traffic {
  readonly requests: number
  readonly successes: number
  readonly failures: number
  readonly rejections: number
  readonly clientClosed: number
  readonly cancelled: number
  readonly attempts: number
  readonly failedAttempts: number
  readonly failovers: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** 0 to 100; undefined before the first success or failure. */
  readonly successRate: number | undefined
  /** Mean over successes; undefined before the first. */
  readonly averageMs: number | undefined
  /** 0 before the first success. */
  readonly minMs: number
  readonly maxMs: number
  /** Undefined before the first answer. */
  readonly averageFirstByteMs: number | undefined
  /** Milliseconds over all answers: the gateway's overhead, and from requests to endpoints to their first bytes. */
  readonly overheadSumMs: number
  readonly upstreamSumMs: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** The completion tokens that were counted by events, because endpoints reported none. */
  readonly countedTokens: number
  readonly cachedTokens: number
  /** Completion tokens with a measured generation time, and that time in milliseconds. */
  readonly timedTokens: number
  readonly generationSumMs: number
  /** Mean over those; undefined before the first. */
  readonly tokensPerSecond: number | undefined
  readonly loadSumMs: number
  readonly promptSumMs: number
  readonly routingHits: number
  readonly routingMisses: number
  readonly routingFallbacks: number
  /** Epoch milliseconds; undefined before the first request. */
  readonly lastUsedAtMs: number | undefined
}

export function readTraffic(table: CounterTable<TrafficColumn>, row: number): Traffic {
  const sum = (column: TrafficColumn) => table.sum(row, table.column(column))
  const successes = sum('successes')
  const failures = sum('failures')
  const firstBytes = sum('firstByteCount')
  const timedTokens = sum('timedTokens')
  const generationSumMs = sum('generationSumMs')
  const lastUsedAtMs = table.maximum(row, table.column('lastUsedAtMs'))
  return {
    requests: sum('requests'),
    successes,
    failures,
    rejections: sum('rejections'),
    clientClosed: sum('clientClosed'),
    cancelled: sum('cancelled'),
    attempts: sum('attempts'),
    failedAttempts: sum('failedAttempts'),
    failovers: sum('failovers'),
    requestBytes: sum('requestBytes'),
    responseBytes: sum('responseBytes'),
    successRate: successRate(successes, failures),
    averageMs: successes === 0 ? undefined : sum('durationSumMs') / successes,
    minMs: table.minimum(row, table.column('durationMinMs')),
    maxMs: table.maximum(row, table.column('durationMaxMs')),
    averageFirstByteMs: firstBytes === 0 ? undefined : sum('firstByteSumMs') / firstBytes,
    overheadSumMs: sum('overheadSumMs'),
    upstreamSumMs: sum('upstreamSumMs'),
    promptTokens: sum('promptTokens'),
    completionTokens: sum('completionTokens'),
    countedTokens: sum('countedTokens'),
    cachedTokens: sum('cachedTokens'),
    timedTokens,
    generationSumMs,
    tokensPerSecond: generationSumMs === 0 ? undefined : (timedTokens * 1000) / generationSumMs,
    loadSumMs: sum('loadSumMs'),
    promptSumMs: sum('promptSumMs'),
    routingHits: sum('routingHits'),
    routingMisses: sum('routingMisses'),
    routingFallbacks: sum('routingFallbacks'),
    lastUsedAtMs: lastUsedAtMs === 0 ? undefined : lastUsedAtMs,
  }
}

/** Percent; disconnected clients and rejected requests do not count. */
export function successRate(successes: number, failures: number): number | undefined {
  const rated = successes + failures
  return rated === 0 ? undefined : (successes * 100) / rated
}
