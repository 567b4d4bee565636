import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import { type HistogramTable, quantilesOf } from '../../kernel/cells/histogram-table.ts'
import { numberPerThread } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { lineCells } from '../../routing/line/line-cells.ts'
import { loadCells } from '../../routing/selection/load-cells.ts'
import type { SharedState } from '../../runtime/cells/shared-state.ts'
import type { EndpointSample, Percentiles, Sample } from './sample.ts'
import { statsCells } from './stats-cells.ts'
import { threeDigits } from './timings.ts'
import type { TrafficColumn } from './traffic-columns.ts'

/** Completion tokens of each thread's streams in flight, updated at intervals. */
const liveCells = cellLayout('live', () => ({ tokens: numberPerThread() }))

type SamplerCells = ReturnType<typeof readSamplerCells>

/** The cells that the sampler reads. */
export function readSamplerCells(state: Pick<SharedState, 'of' | 'thread'>) {
  const { totals, endpoints, totalHistograms } = state.of(statsCells)
  const { inFlight } = state.of(loadCells)
  const { waiting } = state.of(lineCells)
  return {
    totals,
    endpoints,
    totalHistograms,
    inFlight,
    waiting,
    tokens: state.of(liveCells).tokens,
    thread: state.thread,
  }
}

export interface SamplerOptions {
  readonly clock: Clock
  readonly cells: SamplerCells
  /** Milliseconds from one sample to the next. */
  readonly intervalMs: number
  /** Maximum number of samples kept. */
  readonly capacity: number
  readonly endpoints: () => readonly { readonly slot: number; readonly id: string }[]
  /** Completion tokens of this thread's streams in flight. */
  readonly tokensInFlight: () => number
  readonly eventsDropped: () => number
  /** Called with each sample, as JSON. */
  readonly onSample: (json: string) => void
}

/** Window of the percentiles: a single interval has too few requests. */
const windowMs = 30_000

const totalColumns = {
  requests: 'requests',
  successes: 'successes',
  failures: 'failures',
  rejections: 'rejections',
  client_closed: 'clientClosed',
  cancelled: 'cancelled',
  prompt_tokens: 'promptTokens',
  request_bytes: 'requestBytes',
  response_bytes: 'responseBytes',
} as const satisfies Partial<Record<keyof Sample, TrafficColumn>>

type TotalField = keyof typeof totalColumns

interface EndpointReading {
  readonly requests: number
  readonly failures: number
  readonly firstByteSumMs: number
  readonly firstByteCount: number
}

/**
 * Reads the shared counters at intervals and keeps the changes, so that a page that opens has charts at once. It keeps
 * samples as serialized text, which is smaller than the objects.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #kept: string[] = []
  readonly #durations: MovingQuantiles
  readonly #firstTokens: MovingQuantiles
  #atMs: number
  #totals: Readonly<Record<TotalField, number>>
  #completionTokens: number
  #eventsDropped: number
  #endpoints = new Map<string, EndpointReading>()
  #timer: Timer | undefined

  constructor(options: SamplerOptions) {
    this.#options = options
    const { cells, clock, intervalMs } = options
    const depth = Math.max(1, Math.round(windowMs / intervalMs))
    this.#durations = new MovingQuantiles(cells.totalHistograms.duration, depth)
    this.#firstTokens = new MovingQuantiles(cells.totalHistograms.firstToken, depth)
    this.#atMs = clock.monotonicMs()
    this.#totals = readTotals(cells.totals)
    this.#completionTokens = this.#readCompletionTokens()
    this.#eventsDropped = options.eventsDropped()
    this.#readEndpoints()
  }

  start(): void {
    const { clock, intervalMs } = this.#options
    this.#timer = clock.after(intervalMs, () => {
      this.take()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Returns the kept samples, oldest first, as a JSON array. */
  json(): string {
    return `[${this.#kept.join(',')}]`
  }

  take(): void {
    const json = JSON.stringify(this.#read())
    this.#kept.push(json)
    if (this.#kept.length > this.#options.capacity) this.#kept.shift()
    this.#options.onSample(json)
  }

  #read(): Sample {
    const { clock, cells } = this.#options
    const nowMs = clock.monotonicMs()
    const intervalMs = nowMs - this.#atMs
    this.#atMs = nowMs
    const before = this.#totals
    const totals = readTotals(cells.totals)
    this.#totals = totals
    const tokens = this.#readCompletionTokens()
    // Events count tokens during the stream and the endpoint reports them at its end: the latter may be smaller.
    const newTokens = Math.max(0, tokens - this.#completionTokens)
    this.#completionTokens = tokens
    const dropped = this.#options.eventsDropped()
    const newlyDropped = dropped - this.#eventsDropped
    this.#eventsDropped = dropped
    const { inFlight, endpoints } = this.#readEndpoints()
    return {
      at_ms: Math.round(clock.nowMs()),
      interval_ms: Math.round(intervalMs),
      ...difference(totals, before),
      completion_tokens: newTokens,
      in_flight: inFlight,
      waiting: cells.waiting.value(0),
      first_token_ms: this.#firstTokens.read(),
      duration_ms: this.#durations.read(),
      events_dropped: newlyDropped,
      endpoints,
    }
  }

  /** Over finished and running answers of all threads. */
  #readCompletionTokens(): number {
    const { cells, tokensInFlight } = this.#options
    const { tokens, totals, thread } = cells
    tokens[thread] = tokensInFlight()
    return tokens.reduce((sum, each) => sum + each, totals.sum(0, totals.column('completionTokens')))
  }

  #readEndpoints(): { inFlight: number; endpoints: Record<string, EndpointSample> } {
    const { cells, endpoints: known } = this.#options
    const readings = new Map<string, EndpointReading>()
    const endpoints: Record<string, EndpointSample> = {}
    let inFlight = 0
    for (const { slot, id } of known()) {
      const own = cells.inFlight.value(slot)
      inFlight += own
      const now = readEndpoint(cells.endpoints, slot)
      const before = this.#endpoints.get(id) ?? now
      readings.set(id, now)
      const requests = now.requests - before.requests
      const firstBytes = now.firstByteCount - before.firstByteCount
      if (own === 0 && requests === 0 && firstBytes === 0) continue
      const sumMs = now.firstByteSumMs - before.firstByteSumMs
      endpoints[id] = [
        own,
        requests,
        now.failures - before.failures,
        firstBytes > 0 ? Math.round(sumMs / firstBytes) : null,
      ]
    }
    this.#endpoints = readings
    return { inFlight, endpoints }
  }
}

const shares = [0.5, 0.9, 0.99]

/** Quantiles over a histogram's latest readings. */
class MovingQuantiles {
  readonly #table: HistogramTable
  readonly #depth: number
  readonly #readings: number[][]

  constructor(table: HistogramTable, depth: number) {
    this.#table = table
    this.#depth = depth
    this.#readings = [table.counts(0)]
  }

  read(): Percentiles | null {
    const now = this.#table.counts(0)
    this.#readings.push(now)
    if (this.#readings.length > this.#depth + 1) this.#readings.shift()
    const then = this.#readings[0] ?? now
    const counts = now.map((count, bucket) => count - (then[bucket] ?? 0))
    const [p50, p90, p99] = quantilesOf(counts, this.#table.bounds, shares)?.map(threeDigits) ?? []
    return p50 === undefined || p90 === undefined || p99 === undefined ? null : { p50, p90, p99 }
  }
}

function readTotals(table: CounterTable<TrafficColumn>): Record<TotalField, number> {
  return mapFields((field) => table.sum(0, table.column(totalColumns[field])))
}

function difference(
  now: Readonly<Record<TotalField, number>>,
  before: Readonly<Record<TotalField, number>>,
): Record<TotalField, number> {
  return mapFields((field) => now[field] - before[field])
}

const totalFields = Object.keys(totalColumns) as TotalField[]

function mapFields(read: (field: TotalField) => number): Record<TotalField, number> {
  return Object.fromEntries(totalFields.map((field) => [field, read(field)])) as Record<TotalField, number>
}

function readEndpoint(table: CounterTable<TrafficColumn>, slot: number): EndpointReading {
  const sum = (column: TrafficColumn) => table.sum(slot, table.column(column))
  return {
    requests: sum('requests'),
    failures: sum('failures'),
    firstByteSumMs: sum('firstByteSumMs'),
    firstByteCount: sum('firstByteCount'),
  }
}
