import type { EngineSignals } from '../../endpoints/engines/engine-signals.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Candidate, EndpointLoad, RequestFeatures } from '../selection/selector.ts'
import {
  type CandidateSnapshot,
  type Estimate,
  emptyEstimate,
  emptySnapshot,
  estimateFirstToken,
  freesInMs,
} from './estimate.ts'
import type { EstimateCells } from './estimate-cells.ts'
import { FeatureReader } from './features.ts'
import { guessed, LearnedRates, rateConfidence } from './learned-rates.ts'
import { type PrefixIndex, PrefixMatches } from './prefix-index.ts'
import { fitCells } from './rate-fit.ts'
import { rateCells } from './rate-table.ts'

/** A candidate that may have to load its model first. */
export interface EstimatedCandidate extends Candidate {
  /** Whether the endpoint has the model in memory; undefined if unknown. */
  readonly isWarm?: boolean | undefined
}

/** Signals of engines, as far as estimates use them. */
export type EstimatedSignals = Pick<EngineSignals, 'value' | 'others' | 'ageMs'>

export interface EstimatorParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly load: Pick<EndpointLoad, 'inFlight'>
  /** Undefined if engines are not asked. */
  readonly signals: EstimatedSignals | undefined
  readonly cells: Pick<EstimateCells, 'rates' | 'awaiting' | 'freeAtMs'>
  readonly prefixes: PrefixIndex
}

/** Tokens of an image, whatever its size. */
const tokensPerMedia = 1_000

/** Work that an endpoint was given, until its first token. */
export interface PendingWork {
  readonly candidate: EstimatedCandidate
  readonly features: RequestFeatures
  readonly estimate: Estimate
  /** Uncached tokens of the prompts ahead of it. */
  readonly aheadTokens: number
  /** Requests in the engine besides it. */
  readonly busy: number
  /** Waits that were expected for other reasons than prompts. */
  readonly otherWaitMs: number
  isAwaiting: boolean
}

/**
 * Estimates the time to the first token of a request on a candidate, from what is known now. Without timers and I/O: the
 * caller reports when a request is sent and when its first token arrives.
 */
export class Estimator {
  readonly rates: LearnedRates
  readonly prefixes: PrefixIndex
  readonly features = new FeatureReader()
  readonly #parts: EstimatorParts
  readonly #snapshot = emptySnapshot()
  readonly #estimate = emptyEstimate()
  /** Of the last request that was looked up. */
  readonly matches = new PrefixMatches()

  constructor(parts: EstimatorParts) {
    this.#parts = parts
    this.rates = new LearnedRates(parts.cells.rates, parts.clock)
    this.prefixes = parts.prefixes
  }

  /** The estimate of a request on a candidate now. */
  estimateFor(features: RequestFeatures | undefined, candidate: EstimatedCandidate): Estimate {
    const matches = this.matchesOf(features, false)
    const start = this.rates.startOf(candidate)
    this.fill(features, candidate, start, matches.bytesAt(candidate.endpoint.slot))
    return estimateFirstToken(this.#snapshot, emptyEstimate())
  }

  /** Expected milliseconds until a request at the candidate's endpoint ends; 0 if it has none. */
  freesInMs(candidate: EstimatedCandidate): number {
    this.fill(undefined, candidate, this.rates.startOf(candidate), 0)
    return freesInMs(this.#snapshot)
  }

  /** Endpoints that have the start of the prompt; valid until the next call. */
  matchesOf(features: RequestFeatures | undefined, counts: boolean): PrefixMatches {
    if (features === undefined || features.keys.length === 0) {
      this.matches.clear()
      return this.matches
    }
    return this.prefixes.find(features, this.matches, counts)
  }

  /** The same without allocations; valid until the next call. @param start from `rates.startOf` */
  estimateAt(
    features: RequestFeatures | undefined,
    candidate: EstimatedCandidate,
    start: number,
    cachedBytes: number,
  ): Estimate {
    this.fill(features, candidate, start, cachedBytes)
    return estimateFirstToken(this.#snapshot, this.#estimate)
  }

  /** Reads everything that the estimate depends on. */
  fill(
    features: RequestFeatures | undefined,
    candidate: EstimatedCandidate,
    start: number,
    cachedBytes: number,
  ): CandidateSnapshot {
    const { clock, load, signals, cells } = this.#parts
    const { rates } = this
    const snapshot = this.#snapshot
    const { slot } = candidate.endpoint
    const row = cells.rates.cells
    const nowMs = clock.monotonicMs()
    if (start >= 0) {
      snapshot.baseMs = row[start + rateCells.fit + fitCells.baseMs] ?? 0
      snapshot.tokenMs = row[start + rateCells.fit + fitCells.tokenMs] ?? 0
      snapshot.busyMs = row[start + rateCells.fit + fitCells.busyMs] ?? 0
    } else {
      snapshot.baseMs = guessed.baseMs
      snapshot.tokenMs = guessed.tokenMs
      snapshot.busyMs = guessed.busyMs
    }
    const totalMs = start < 0 ? 0 : (row[start + rateCells.totalMs] ?? 0)
    const isOwn = start >= 0 && cells.rates.slotAt(start) === slot
    snapshot.rateConfidence = rateConfidence(cells.rates, start, isOwn)
    snapshot.usualTotalMs = totalMs > 0 ? totalMs : guessed.totalMs
    snapshot.usualFirstMs =
      snapshot.baseMs + (start < 0 ? 0 : (row[start + rateCells.promptTokens] ?? 0)) * snapshot.tokenMs
    if (features === undefined) {
      snapshot.promptTokens = 0
      snapshot.cachedTokens = 0
    } else {
      const tokensPerByte = rates.tokensPerByte(start)
      snapshot.promptTokens = features.promptBytes * tokensPerByte + features.media * tokensPerMedia
      snapshot.cachedTokens = cachedBytes * tokensPerByte
    }
    snapshot.inFlight = load.inFlight(slot)
    snapshot.awaiting = cells.awaiting.value(slot)
    const freeAtMs = cells.freeAtMs[slot] ?? 0
    snapshot.aheadMs = freeAtMs > nowMs ? freeAtMs - nowMs : 0
    snapshot.overdueMs = freeAtMs > nowMs ? 0 : nowMs - freeAtMs
    let isCold = candidate.isWarm === false
    if (signals === undefined || candidate.endpoint.signals.length === 0) {
      snapshot.others = Number.NaN
      snapshot.waiting = Number.NaN
      snapshot.maxRunning = Number.NaN
      snapshot.kvUsed = Number.NaN
      snapshot.signalAgeMs = Number.NaN
    } else {
      snapshot.others = signals.others(slot)
      snapshot.waiting = signals.value(slot, 'waiting')
      snapshot.maxRunning = signals.value(slot, 'max_running')
      snapshot.kvUsed = signals.value(slot, 'kv_cache_used')
      snapshot.signalAgeMs = signals.ageMs(slot)
      isCold ||= signals.value(slot, 'sleeping') === 1
    }
    snapshot.loadMs = isCold ? rates.loadMs(candidate, start) : 0
    return snapshot
  }

  /** A request has a place at a candidate and is sent: from now on its prompt is ahead of others. */
  begins(features: RequestFeatures, candidate: EstimatedCandidate): PendingWork {
    const { clock, cells } = this.#parts
    const { slot } = candidate.endpoint
    const cachedBytes = this.matchesOf(features, false).bytesAt(slot)
    const snapshot = this.fill(features, candidate, this.rates.startOf(candidate), cachedBytes)
    // The request itself already counts.
    snapshot.inFlight = Math.max(0, snapshot.inFlight - 1)
    const estimate = estimateFirstToken(snapshot, emptyEstimate())
    const { others, tokenMs, aheadMs, awaiting, inFlight } = snapshot
    const { terms } = estimate
    const aheadOwnMs = awaiting === 0 ? 0 : aheadMs
    if (terms.loadMs > 0) this.rates.loads(candidate)
    cells.awaiting.acquire(slot)
    const nowMs = clock.monotonicMs()
    const uncached = Math.max(0, estimate.promptTokens - estimate.cachedTokens)
    cells.freeAtMs[slot] = nowMs + aheadOwnMs + uncached * tokenMs
    return {
      candidate,
      features,
      estimate,
      aheadTokens: tokenMs > 0 ? aheadOwnMs / tokenMs : 0,
      busy: inFlight + (others > 0 ? others : 0),
      otherWaitMs: Math.max(0, terms.waitingMs - aheadOwnMs),
      isAwaiting: true,
    }
  }

  /** The answer to a request has begun, or it ended without one. */
  answered(work: PendingWork, isGood: boolean): void {
    if (!work.isAwaiting) return
    work.isAwaiting = false
    const { clock, cells } = this.#parts
    const { slot } = work.candidate.endpoint
    cells.awaiting.release(slot)
    if (cells.awaiting.value(slot) <= 0) cells.freeAtMs[slot] = clock.monotonicMs()
    if (isGood) this.prefixes.add(work.features, slot)
  }

  /** An endpoint lost its caches. */
  forgetCaches(slot: number): void {
    this.prefixes.purge(slot)
  }

  /** An endpoint became another server. */
  forget(slot: number): void {
    this.rates.clear(slot)
    this.prefixes.purge(slot)
  }
}
