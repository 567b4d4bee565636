import { SharedLimitStore } from '../security/shared-limit-store.ts'
import { BreakerTable } from './breaker-table.ts'
import { CounterTable } from './counter-table.ts'
import { DistinctTable } from './distinct-table.ts'
import { Gauge } from './gauge.ts'
import { HistogramTable } from './histogram-table.ts'
import { RecordTable } from './record-table.ts'
import { NameRows, NumberRows } from './rows.ts'
import { RunMark } from './run-mark.ts'
import { type BlocksDescription, SharedBlocks, type TablePlace } from './shared-blocks.ts'
import { SharedCache } from './shared-cache.ts'

/** What is counted for each endpoint, each model and the whole gateway. */
export const trafficColumns = [
  /** Requests that ended, with any outcome. */
  'requests',
  /** Answered with a status below 400 to the last byte. */
  'successes',
  /** Answered with 5xx, broken off, timed out or without an answer. */
  'failures',
  /** Answered with 4xx: the client's doing, neither success nor failure of the endpoint. */
  'rejections',
  /** The client left before the end: counts against nobody. */
  'clientClosed',
  /** Ended by an operator: counts against nobody. */
  'cancelled',
  /** Tries on this endpoint, the first one included. */
  'attempts',
  'failedAttempts',
  /** Failed tries that were followed by another. */
  'failovers',
  'requestBytes',
  'responseBytes',
  /** Milliseconds from receipt to the last byte, over successes. */
  'durationSumMs',
  'durationMinMs',
  'durationMaxMs',
  /** Milliseconds to the first byte of the answer, over answered requests. */
  'firstByteSumMs',
  'firstByteCount',
  'promptTokens',
  'completionTokens',
  /** The part of the completion tokens that was counted by events, since the endpoint told none. */
  'countedTokens',
  /** The part of the prompt tokens that the endpoint had in a cache. */
  'cachedTokens',
  /** Completion tokens of answers whose generation was timed, and the milliseconds that it took. */
  'timedTokens',
  'generationSumMs',
  /** Milliseconds that endpoints reported for loading models and for reading prompts. */
  'loadSumMs',
  'promptSumMs',
  /** Requests that went to an endpoint known to have the model. */
  'routingHits',
  /** Requests turned away because no endpoint had the model. */
  'routingMisses',
  /** Requests that went to an endpoint not known to have the model. */
  'routingFallbacks',
  /** Epoch milliseconds of the last request. */
  'lastUsedAtMs',
] as const

export type TrafficColumn = (typeof trafficColumns)[number]

/** What is counted for each model on each endpoint. */
export const placementColumns = [
  'requests',
  'successes',
  'failures',
  'durationSumMs',
  /** Failures since the last success. */
  'failuresInRow',
  'lastUsedAtMs',
] as const

export type PlacementColumn = (typeof placementColumns)[number]

/** Bucket bounds in milliseconds, for durations from a cached answer to a long generation. */
export const durationBoundsMs = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000,
  5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000,
  900_000,
] as const

/** Bucket bounds in milliseconds, for the time from one token to the next. */
export const interTokenBoundsMs = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12.5, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_500,
  5_000, 10_000, 30_000,
] as const

/** Bucket bounds of the size of a request in bytes: powers of four from 256 B to 64 MB. */
export const requestSizeBounds = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power)

/** Bucket bounds of the number of tries that a request took. */
export const attemptBounds = [1, 2, 3, 4, 5, 7, 10, 20] as const

/** Everything whose distribution is kept, with the bounds of its buckets. */
export const histogramBounds = {
  /** Milliseconds from receipt to the last byte, over successes. */
  duration: durationBoundsMs,
  /** Milliseconds from receipt to the first token of a stream. */
  firstToken: durationBoundsMs,
  /** Milliseconds between the tokens of a stream, each gap for itself. */
  interToken: interTokenBoundsMs,
  /** Bytes of a request's body. */
  requestSize: requestSizeBounds,
  /** Milliseconds that a request waited for a place on an endpoint; only those that had to. */
  queueWait: durationBoundsMs,
  /** Tries of a request, over those that had any. */
  attempts: attemptBounds,
} as const

export type HistogramKind = keyof typeof histogramBounds
/** Those that are kept for each endpoint and each model; all are kept for the whole gateway. */
export const rowHistograms = ['duration', 'firstToken', 'interToken', 'requestSize'] as const
export type RowHistogram = (typeof rowHistograms)[number]

/** Statuses with a column of their own; all others share that of their class, and `none` is no answer. */
export const countedStatuses = [
  'none',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  '200',
  '201',
  '204',
  '206',
  '301',
  '302',
  '304',
  '307',
  '308',
  '400',
  '401',
  '402',
  '403',
  '404',
  '405',
  '406',
  '408',
  '409',
  '410',
  '411',
  '413',
  '414',
  '415',
  '416',
  '417',
  '421',
  '422',
  '424',
  '425',
  '426',
  '428',
  '429',
  '431',
  '499',
  '500',
  '501',
  '502',
  '503',
  '504',
  '507',
  '529',
] as const
export type CountedStatus = (typeof countedStatuses)[number]

/** How requests end, as they are counted by status. */
export const countedOutcomes = ['success', 'rejection', 'failure', 'client_closed', 'cancelled'] as const
export type CountedOutcome = (typeof countedOutcomes)[number]
export type StatusColumn = `${CountedOutcome} ${CountedStatus}`

export const statusColumns = countedOutcomes.flatMap((outcome) =>
  countedStatuses.map((status): StatusColumn => `${outcome} ${status}`),
)

/** What is known of an endpoint's status besides the status: since when, by the wall clock and the other. */
export const statusTimes = ['sinceMs', 'sinceMonotonicMs'] as const

/** What became of the sessions of requests, and of those in the store. */
export const sessionColumns = [
  'hits',
  'misses',
  'repins',
  'disabled',
  'insertions',
  'removals',
  'evictions',
] as const
export type SessionColumn = (typeof sessionColumns)[number]
/** Of the last probe of an endpoint: epoch milliseconds, a duration and a number. */
export const probeColumns = ['lastCheckMs', 'nextCheckMs', 'lastLatencyMs', 'consecutiveFailures'] as const
/** Of the last looks at an endpoint's models: epoch milliseconds and a number. */
export const discoveryColumns = ['lastSeenMs', 'consecutiveFailures'] as const

/** What is counted for requests to an API that is translated. */
export const translatorColumns = [
  'requests',
  /** The client got a complete answer that is no error. */
  'successes',
  'failures',
  /** The client left before the end. */
  'clientClosed',
  /** By what the endpoint that answered was sent. */
  'passthrough',
  'translation',
  'streaming',
  'nonStreaming',
  /** No endpoint could take the request at all. */
  'fallbackNoEndpoints',
  /** Translated although passing through is on: the endpoint does not speak the API. */
  'fallbackCannotPassthrough',
  /** Milliseconds from receipt to the end. */
  'durationSumMs',
] as const
export type TranslatorColumn = (typeof translatorColumns)[number]

/** What was refused. */
export const violationColumns = ['rateLimits', 'sizeLimits'] as const

/** Buckets of rate limits that are remembered. */
export const limitCapacity = 100_000
/** Clients that are remembered to have met a rate limit. */
export const limitedClientCapacity = 16_384

/** What is under way in a thread: values of this moment, written by each thread at intervals. */
export const liveColumns = [
  /** Completion tokens of streams that have not ended. */
  'tokens',
] as const

/** How many rows the cells have; set at construction, since shared memory does not grow. */
export interface CellCapacity {
  /** 256 by default. */
  readonly endpoints?: number
  /** 512 by default; the last row is shared by all models beyond. */
  readonly models?: number
  /** Pairs of model and endpoint, by default four times as many as models but at least 2048; those beyond are not told apart. */
  readonly placements?: number
  /** Bindings of sessions to endpoints, 0 by default. */
  readonly sessions?: number
}

/** All numbers that requests and probes share: one block of shared memory per kind. */
export class GatewayCells {
  readonly endpointCapacity: number
  readonly modelCapacity: number
  readonly placementCapacity: number
  /** Int32 code per endpoint, an index into `endpointStatuses`. */
  readonly status: Int32Array
  /** One cell that counts up with every change of a status. */
  readonly statusVersion: Int32Array
  /** Why the status is what it is, and since when. */
  readonly statusRecords: RecordTable<(typeof statusTimes)[number]>
  /** The last probe of each endpoint, and why it failed. */
  readonly probes: RecordTable<(typeof probeColumns)[number]>
  /** The last looks at each endpoint's models, and why they failed. */
  readonly discoveries: RecordTable<(typeof discoveryColumns)[number]>
  readonly breakers: BreakerTable
  /** Per endpoint: monotonic milliseconds until which it wants no requests. */
  readonly coolDownUntilMs: Float64Array
  /** Per endpoint: what its recent failures count for, see `FailurePenalties`. */
  readonly penalties: Float64Array
  readonly inFlight: Gauge
  /** One row: requests that wait for a place on an endpoint. */
  readonly waiting: Gauge
  /** Per thread: since when its first waiter waits, monotonic milliseconds; 0 where nobody waits. */
  readonly oldestWaitingMs: Float64Array
  readonly endpoints: CounterTable<TrafficColumn>
  readonly models: CounterTable<TrafficColumn>
  /** One row. */
  readonly totals: CounterTable<TrafficColumn>
  readonly placements: CounterTable<PlacementColumn>
  /** One row. */
  readonly live: CounterTable<(typeof liveColumns)[number]>
  readonly run: RunMark
  /** Rows of models by name; the row after the last is shared by all others. */
  readonly modelRows: NameRows
  /** Rows of placements by model row and endpoint. */
  readonly placementRows: NumberRows
  /** Requests by how they ended; the last row is of those that reached no endpoint. */
  readonly statuses: CounterTable<StatusColumn>
  /** Clients of each model. */
  readonly modelClients: DistinctTable
  readonly endpointHistograms: Readonly<Record<RowHistogram, HistogramTable>>
  readonly modelHistograms: Readonly<Record<RowHistogram, HistogramTable>>
  /** One row each. */
  readonly totalHistograms: Readonly<Record<HistogramKind, HistogramTable>>

  /** Of a `SharedCache` of `sessionCapacity`. */
  readonly sessionEntries: TablePlace
  readonly sessionCapacity: number
  /** One row. */
  readonly sessions: CounterTable<SessionColumn>

  /** One row: the Anthropic API. */
  readonly translators: CounterTable<TranslatorColumn>
  readonly violations: CounterTable<(typeof violationColumns)[number]>
  /** Of a `SharedLimitStore` of `limitCapacity`. */
  readonly limits: TablePlace
  /** Of a `SharedCache` of `limitedClientCapacity`. */
  readonly limitedClients: TablePlace
  readonly #blocks: SharedBlocks

  /** @param blocks where the tables lie; this thread's own by default */
  constructor(capacity: CellCapacity = {}, blocks: SharedBlocks = new SharedBlocks()) {
    const { endpoints = 256, models = 512, placements = Math.max(2048, 4 * models), sessions = 0 } = capacity
    this.#blocks = blocks
    this.endpointCapacity = endpoints
    this.modelCapacity = models
    this.placementCapacity = placements
    this.status = blocks.integers('status', endpoints)
    this.statusVersion = blocks.integers('status.version', 1)
    this.statusRecords = new RecordTable(statusTimes, endpoints, blocks.place('status.records'))
    this.probes = new RecordTable(probeColumns, endpoints, blocks.place('probes'))
    this.discoveries = new RecordTable(discoveryColumns, endpoints, blocks.place('discoveries'))
    this.breakers = new BreakerTable(endpoints, blocks)
    this.coolDownUntilMs = blocks.numbers('cool-downs', endpoints)
    this.penalties = blocks.numbers('penalties', endpoints)
    this.inFlight = new Gauge(endpoints, blocks.place('in-flight'))
    this.waiting = new Gauge(1, blocks.place('waiting'))
    this.oldestWaitingMs = blocks.numbers('waiting.oldest', blocks.threads)
    this.endpoints = new CounterTable(trafficColumns, endpoints, blocks.place('endpoints'))
    this.models = new CounterTable(trafficColumns, models, blocks.place('models'))
    this.totals = new CounterTable(trafficColumns, 1, blocks.place('totals'))
    this.placements = new CounterTable(placementColumns, placements, blocks.place('placements'))
    this.live = new CounterTable(liveColumns, 1, blocks.place('live'))
    this.run = new RunMark(blocks.place('run'))
    this.modelRows = new NameRows(models - 1, blocks, 'model-rows')
    this.placementRows = new NumberRows(placements, blocks.place('placement-rows'))
    this.statuses = new CounterTable(statusColumns, endpoints + 1, blocks.place('statuses'))
    this.modelClients = new DistinctTable(models, blocks.place('model-clients'))
    this.endpointHistograms = histograms(rowHistograms, endpoints, blocks, 'endpoint')
    this.modelHistograms = histograms(rowHistograms, models, blocks, 'model')
    this.totalHistograms = histograms(histogramKinds, 1, blocks, 'total')
    this.sessionCapacity = sessions
    this.sessionEntries = blocks.place('session-entries')
    if (sessions > 0) SharedCache.reserve(this.sessionEntries, sessions)
    this.sessions = new CounterTable(sessionColumns, 1, blocks.place('sessions'))

    this.translators = new CounterTable(translatorColumns, 1, blocks.place('translators'))
    this.violations = new CounterTable(violationColumns, 1, blocks.place('violations'))
    this.limits = blocks.place('limits')
    SharedLimitStore.reserve(this.limits, limitCapacity)
    this.limitedClients = blocks.place('limited-clients')
    SharedCache.reserve(this.limitedClients, limitedClientCapacity)
  }

  /** How many threads write here. */
  get threads(): number {
    return this.#blocks.threads
  }

  /** The memory of all tables, for another thread's `SharedBlocks`. */
  get blocks(): BlocksDescription {
    return this.#blocks.description
  }
}

const histogramKinds = Object.keys(histogramBounds) as HistogramKind[]

function histograms<Kind extends HistogramKind>(
  kinds: readonly Kind[],
  rows: number,
  blocks: SharedBlocks,
  prefix: string,
): Readonly<Record<Kind, HistogramTable>> {
  const tables = kinds.map(
    (kind) =>
      [kind, new HistogramTable(histogramBounds[kind], rows, blocks.place(`${prefix}.${kind}`))] as const,
  )
  return Object.fromEntries(tables) as Record<Kind, HistogramTable>
}
