import { BreakerTable } from './breaker-table.ts'
import {
  discoveryColumns,
  type HistogramKind,
  histogramBounds,
  limitCapacity,
  limitedClientCapacity,
  liveColumns,
  type PlacementColumn,
  placementColumns,
  probeColumns,
  processColumns,
  type RowHistogram,
  resourceColumns,
  rowHistograms,
  type SessionColumn,
  type StatusColumn,
  sessionColumns,
  statusColumns,
  statusTimes,
  storedResponseCapacity,
  type TrafficColumn,
  type TranslatorColumn,
  trafficColumns,
  translatorCapacity,
  translatorColumns,
  violationColumns,
} from './counted.ts'
import { CounterTable } from './counter-table.ts'
import { DistinctTable } from './distinct-table.ts'
import { Gauge } from './gauge.ts'
import { HistogramTable } from './histogram-table.ts'
import { reserveLimits } from './limit-cells.ts'
import { ModelTable } from './model-table.ts'
import { ownPseudonym } from './pseudonym.ts'
import { RecordTable } from './record-table.ts'
import { NameRows, NumberRows } from './rows.ts'
import { RunMark } from './run-mark.ts'
import { type BlocksDescription, SharedBlocks, type TablePlace } from './shared-blocks.ts'
import { SharedCache } from './shared-cache.ts'

/** Models on endpoints that something went wrong with lately; failures of further ones count for nothing. */
const modelStateCapacity = 1024

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
  /** Circuits, pauses and penalties of models on endpoints. */
  readonly modelStates: ModelTable
  /** Per endpoint: monotonic milliseconds until which it wants no requests. */
  readonly coolDownUntilMs: Float64Array
  /** Per endpoint: monotonic milliseconds of the last request that it answered well, see `AnswerTimes`. */
  readonly answeredAtMs: Float64Array
  /** Per endpoint: monotonic milliseconds of the last request that was sent as a last resort, see `LiveLoad`. */
  readonly lastResortAtMs: Float64Array
  /** Per endpoint: what its recent failures count for, see `FailurePenalties`. */
  readonly penalties: Float64Array
  /** Whose turn it is among endpoints, see `Turns`. */
  readonly turns: Readonly<Record<'chosenAt' | 'choices' | 'credits', Float64Array>>
  readonly inFlight: Gauge
  /** One row: requests that wait for a place on an endpoint. */
  readonly waiting: Gauge
  /** One row: kilobytes that bodies take up in memory, see `BufferBudget`. */
  readonly buffered: Gauge
  /** Per thread: since when its first waiter waits, monotonic milliseconds; 0 where none waits. */
  readonly oldestWaitingMs: Float64Array
  readonly endpoints: CounterTable<TrafficColumn>
  readonly models: CounterTable<TrafficColumn>
  /** One row. */
  readonly totals: CounterTable<TrafficColumn>
  readonly placements: CounterTable<PlacementColumn>
  /** One row. */
  readonly live: CounterTable<(typeof liveColumns)[number]>
  /** One row. */
  readonly process: CounterTable<(typeof processColumns)[number]>
  readonly run: RunMark
  /** A comment in `Via`. */
  readonly pseudonym: string
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

  /** A row for each translated API. */
  readonly translators: CounterTable<TranslatorColumn>
  readonly violations: CounterTable<(typeof violationColumns)[number]>
  /** One row. */
  readonly resources: CounterTable<(typeof resourceColumns)[number]>
  /** Of a `SharedLimitStore` of `limitCapacity`. */
  readonly limits: TablePlace
  /** Of a `SharedCache` of `limitedClientCapacity`. */
  readonly limitedClients: TablePlace
  /** Of a `SharedCache` of `storedResponseCapacity`. */
  readonly storedResponses: TablePlace
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
    this.modelStates = new ModelTable(modelStateCapacity, endpoints, blocks)
    this.coolDownUntilMs = blocks.numbers('cool-downs', endpoints)
    this.answeredAtMs = blocks.numbers('answered-at', endpoints)
    this.lastResortAtMs = blocks.numbers('last-resort', endpoints)
    this.penalties = blocks.numbers('penalties', endpoints)
    this.turns = {
      chosenAt: blocks.numbers('turns.chosen-at', endpoints),
      choices: blocks.numbers('turns.choices', 1),
      credits: blocks.numbers('turns.credits', endpoints),
    }
    this.pseudonym = ownPseudonym(blocks.place('pseudonym'))
    this.inFlight = new Gauge(endpoints, blocks.place('in-flight'))
    this.waiting = new Gauge(1, blocks.place('waiting'))
    this.buffered = new Gauge(1, blocks.place('buffered'))
    this.oldestWaitingMs = blocks.numbers('waiting.oldest', blocks.threads)
    this.endpoints = new CounterTable(trafficColumns, endpoints, blocks.place('endpoints'))
    this.models = new CounterTable(trafficColumns, models, blocks.place('models'))
    this.totals = new CounterTable(trafficColumns, 1, blocks.place('totals'))
    this.placements = new CounterTable(placementColumns, placements, blocks.place('placements'))
    this.live = new CounterTable(liveColumns, 1, blocks.place('live'))
    this.process = new CounterTable(processColumns, 1, blocks.place('process'))
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

    this.translators = new CounterTable(translatorColumns, translatorCapacity, blocks.place('translators'))
    this.resources = new CounterTable(resourceColumns, 1, blocks.place('resources'))
    this.violations = new CounterTable(violationColumns, 1, blocks.place('violations'))
    this.limits = blocks.place('limits')
    reserveLimits(this.limits, limitCapacity)
    this.limitedClients = blocks.place('limited-clients')
    SharedCache.reserve(this.limitedClients, limitedClientCapacity)
    this.storedResponses = blocks.place('stored-responses')
    SharedCache.reserve(this.storedResponses, storedResponseCapacity)
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
