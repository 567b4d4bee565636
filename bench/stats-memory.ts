// Fills the statistics of a large fleet in its own process and prints their memory, as JSON.

import { setImmediate } from 'node:timers/promises'
import { endpointMetrics, type MetricEndpoint } from '../src/observe/prometheus/endpoint-metrics.ts'
import { Exposition, labelText } from '../src/observe/prometheus/exposition.ts'
import { MetricSet } from '../src/observe/prometheus/metric.ts'
import { modelMetrics } from '../src/observe/prometheus/model-metrics.ts'
import { readModels } from '../src/observe/prometheus/model-series.ts'
import { GatewayStats } from '../src/observe/stats/gateway-stats.ts'
import { readStatsCells } from '../src/observe/stats/stats-cells.ts'
import { SharedBlocks } from '../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../src/runtime/cells/shared-state.ts'

export interface StatsMemory {
  readonly reservedBytes: number
  readonly heapBytes: number
  readonly residentBytes: number
  readonly scrapeMs: number
  readonly scrapeBytes: number
  readonly longestPauseMs: number
}

const [endpointCount = 200, modelCount = 5_000] = process.argv.slice(2).map(Number)
/** As in the stock configuration. */
const exposedModels = 200
const requestsPerModel = 4

function measured() {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapUsed, external, rss }
}

const before = measured()
const blocks = new SharedBlocks()
const state = new SharedState({ endpoints: endpointCount + 64, models: modelCount + 1 }, blocks)
const cells = readStatsCells(state)
const names = new Set(Array.from({ length: modelCount }, (_, index) => `org/model-${index}-instruct-q4`))
const withNames = measured()
const stats = new GatewayStats(cells, (name) => (names.has(name) ? name : undefined))
let at = 0
for (const model of names) {
  for (let request = 0; request < requestsPerModel; request++) {
    const slot = at++ % endpointCount
    stats.recordAttempt(slot, false)
    stats.record({
      endpointSlot: slot,
      model,
      outcome: 'success',
      status: 200,
      requestBytes: 900 + at,
      responseBytes: 9_000 + at,
      durationMs: 50 + (at % 5_000),
      firstByteMs: 20,
      promptTokens: 200,
      completionTokens: 80,
      answer: {
        contentEvents: 80,
        firstTokenMs: 10 + (at % 900),
        interTokenMs: 9,
        interTokenMaxMs: 30,
        generationMs: 800,
        tokensPerSecond: 100,
        isCounted: false,
        cachedTokens: 100,
        loadMs: undefined,
        promptMs: undefined,
      },
      attempts: 1,
      completedAtMs: 1_800_000_000_000 + at,
      routing: 'routed',
      client: `10.0.${at % 200}.${at % 250}`,
    })
    const row = stats.modelRow(model)
    cells.endpointHistograms.interToken.record(slot, at % 60)
    cells.modelHistograms.interToken.record(row, at % 60)
  }
}
const filled = measured()

const endpoints = Array.from(
  { length: endpointCount },
  (_, slot): MetricEndpoint => ({
    endpoint: {
      slot,
      id: `id${slot}`,
      name: `endpoint-${slot}`,
      url: `http://10.0.0.${slot}:8000`,
      type: 'vllm',
      profile: undefined,
      tags: [],
      priority: 100,
      weight: 1,
      maxConcurrent: 0,
    },
    status: { status: 'healthy', reason: 'answered', sinceMs: 0 },
    inFlight: 0,
    traffic: stats.endpoint(slot),
    timings: stats.endpointTimings(slot),
    probe: {
      lastCheckMs: 1,
      nextCheckMs: 2,
      lastLatencyMs: 3,
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
    modelCount: 25,
    modelsSyncedAtMs: 0,
    listError: undefined,
    engine: { reading: undefined, loaded: undefined },
    labels: labelText({ endpoint: `endpoint-${slot}` }),
  }),
)
const metrics = new MetricSet()
metrics.add(endpointMetrics, () => ({ cells, endpoints }))
metrics.add(modelMetrics, () =>
  readModels({ cells, stats, endpoints, known: modelCount, limit: exposedModels }),
)

async function scrape(): Promise<{ bytes: number; ms: number; longestPauseMs: number }> {
  const out = new Exposition('openmetrics')
  const parts: string[] = []
  let busyMs = 0
  let longestPauseMs = 0
  let startedMs = performance.now()
  for await (const _family of metrics.write(out)) {
    parts.push(out.take())
    const pauseMs = performance.now() - startedMs
    busyMs += pauseMs
    longestPauseMs = Math.max(longestPauseMs, pauseMs)
    await setImmediate()
    startedMs = performance.now()
  }
  parts.push(out.end())
  return { bytes: Buffer.byteLength(parts.join('')), ms: busyMs, longestPauseMs }
}

for (let warmup = 0; warmup < 3; warmup++) await scrape()
const { bytes, ms, longestPauseMs } = await scrape()
const result: StatsMemory = {
  reservedBytes: [...blocks.description.values()].reduce(
    (total, block) => total + block.memory.byteLength,
    0,
  ),
  heapBytes: filled.heapUsed - withNames.heapUsed + (filled.external - withNames.external),
  residentBytes: filled.rss - before.rss,
  scrapeMs: ms,
  scrapeBytes: bytes,
  longestPauseMs,
}
console.log(JSON.stringify(result))
