import { CounterTable } from './counter-table.ts'
import { DistinctTable } from './distinct-table.ts'
import { Gauge } from './gauge.ts'
import { HistogramTable } from './histogram-table.ts'

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
  /** Tries on this endpoint, the first one included. */
  'attempts',
  'failedAttempts',
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

/** How many rows the cells have; set at construction, since shared memory does not grow. */
export interface CellCapacity {
  /** 256 by default. */
  readonly endpoints?: number
  /** 512 by default; the last row is shared by all models beyond. */
  readonly models?: number
  /** Pairs of model and endpoint, 2048 by default; those beyond are not told apart. */
  readonly placements?: number
}

/** All numbers that requests and probes share: one block of shared memory per kind. */
export class GatewayCells {
  readonly endpointCapacity: number
  readonly modelCapacity: number
  readonly placementCapacity: number
  /** Int32 code per endpoint, an index into `endpointStatuses`. */
  readonly status: Int32Array
  readonly inFlight: Gauge
  readonly endpoints: CounterTable<TrafficColumn>
  readonly models: CounterTable<TrafficColumn>
  /** One row. */
  readonly totals: CounterTable<TrafficColumn>
  readonly placements: CounterTable<PlacementColumn>
  /** Clients of each model. */
  readonly modelClients: DistinctTable
  readonly endpointDurations: HistogramTable
  readonly modelDurations: HistogramTable

  constructor(capacity: CellCapacity = {}) {
    this.endpointCapacity = capacity.endpoints ?? 256
    this.modelCapacity = capacity.models ?? 512
    this.placementCapacity = capacity.placements ?? 2048
    this.status = new Int32Array(new SharedArrayBuffer(this.endpointCapacity * Int32Array.BYTES_PER_ELEMENT))
    this.inFlight = new Gauge(this.endpointCapacity)
    this.endpoints = new CounterTable(trafficColumns, this.endpointCapacity)
    this.models = new CounterTable(trafficColumns, this.modelCapacity)
    this.totals = new CounterTable(trafficColumns, 1)
    this.placements = new CounterTable(placementColumns, this.placementCapacity)
    this.modelClients = new DistinctTable(this.modelCapacity)
    this.endpointDurations = new HistogramTable(durationBoundsMs, this.endpointCapacity)
    this.modelDurations = new HistogramTable(durationBoundsMs, this.modelCapacity)
  }
}
