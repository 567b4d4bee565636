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
import { guessed, LearnedRates } from './learned-rates.ts'
import { type PrefixIndex, PrefixMatches } from './prefix-index.ts'
import { fitCells } from './rate-fit.ts'
import { rateCells } from './rate-table.ts'

/** A candidate that may have to load its model first. */
export interface EstimatedCandidate extends Candidate {
  /** Whether the endpoint has the model in memory; undefined if unknown. */
  readonly isWarm?: boolean | undefined
}

/** Signals of engines, as far as estimates use them. */
export type EstimatedSignals = Pick<EngineSignals, 'readLoad'>

export interface EstimatorParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly load: Pick<EndpointLoad, 'inFlight'>
  /** Undefined if engines are not asked. */
  readonly signals: EstimatedSignals | undefined
  readonly cells: Pick<EstimateCells, 'rates' | 'awaiting' | 'freeAtMs' | 'firstTokenAtMs'>
  readonly prefixes: PrefixIndex
}

/** Tokens of an image, whatever its size. */
const tokensPerMedia = 1_000
/**
 * An engine that has most prefixes has each of them whole or not at all: to expect a part of each would make it look slow
 * for all requests.
 */
const minCachedShare = 0.5
/** Rates that were learned elsewhere say less. */
const borrowedTrust = 0.5

/** Work that an endpoint was given, until its first token. */
export interface PendingWork {
  readonly candidate: EstimatedCandidate
  readonly features: RequestFeatures
  readonly estimate: Estimate
  /** Tokens that were computed there before, whether they are still cached or not. */
  readonly knownTokens: number
  /** Monotonic. */
  readonly sentAtMs: number
  /** Waits that were expected for other reasons than prompts ahead. */
  readonly otherWaitMs: number
  /**
   * From when the endpoint had no prompt ahead of it to its first token; undefined before that. As prompts are computed
   * one after the other, or as if, the next first token is due so long after the one before.
   */
  ownMs: number | undefined
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
  #matched: RequestFeatures | undefined
  /** Undefined while engines are not read. */
  signals: EstimatedSignals | undefined

  constructor(parts: EstimatorParts) {
    this.#parts = parts
    this.rates = new LearnedRates(parts.cells.rates, parts.clock)
    this.prefixes = parts.prefixes
    this.signals = parts.signals
  }

  /** The estimate of a request on a candidate now. */
  estimateFor(features: RequestFeatures | undefined, candidate: EstimatedCandidate): Estimate {
    const matches = this.matchesOf(features, false)
    const start = this.rates.startOf(candidate)
    const snapshot = this.#fill(
      features,
      candidate,
      start,
      matches.bytesAt(candidate.endpoint.slot),
      this.now(),
    )
    return estimateFirstToken(snapshot, emptyEstimate())
  }

  /** Expected milliseconds until a request at the candidate's endpoint ends; 0 if it has none. */
  freesInMs(candidate: EstimatedCandidate): number {
    return freesInMs(this.#fill(undefined, candidate, this.rates.startOf(candidate), 0, this.now()))
  }

  /** Endpoints that have the start of the prompt; valid until the next call. */
  matchesOf(features: RequestFeatures | undefined, counts: boolean): PrefixMatches {
    this.#matched = features
    if (features === undefined || features.keys.length === 0) {
      this.matches.clear()
      return this.matches
    }
    return this.prefixes.find(features, this.matches, counts)
  }

  /**
   * The same without allocations; valid until the next call.
   * @param start from `rates.startOf`
   * @param nowMs from `now`
   */
  estimateAt(
    features: RequestFeatures | undefined,
    candidate: EstimatedCandidate,
    start: number,
    cachedBytes: number,
    nowMs: number,
  ): Estimate {
    this.#fill(features, candidate, start, cachedBytes, nowMs)
    return estimateFirstToken(this.#snapshot, this.#estimate)
  }

  /** Monotonic milliseconds, for `estimateAt`. */
  now(): number {
    return this.#parts.clock.monotonicMs()
  }

  /** Reads everything that the estimate depends on. @param own requests at the endpoint that are this one */
  #fill(
    features: RequestFeatures | undefined,
    candidate: EstimatedCandidate,
    start: number,
    cachedBytes: number,
    nowMs: number,
    own = 0,
  ): CandidateSnapshot {
    const { load, cells } = this.#parts
    const { rates, signals } = this
    const snapshot = this.#snapshot
    const { slot } = candidate.endpoint
    const row = cells.rates.cells
    if (start >= 0) {
      const fit = start + rateCells.fit
      const totalMs = row[start + rateCells.totalMs] ?? 0
      snapshot.baseMs = row[fit + fitCells.baseMs] ?? 0
      snapshot.tokenMs = row[fit + fitCells.tokenMs] ?? 0
      snapshot.busyMs = row[fit + fitCells.busyMs] ?? 0
      snapshot.rateConfidence =
        (row[fit + fitCells.confidence] ?? 0) * (row[start + rateCells.slot] === slot ? 1 : borrowedTrust)
      snapshot.usualTotalMs = totalMs > 0 ? totalMs : guessed.totalMs
      snapshot.usualFirstMs = snapshot.baseMs + (row[start + rateCells.promptTokens] ?? 0) * snapshot.tokenMs
    } else {
      snapshot.baseMs = guessed.baseMs
      snapshot.tokenMs = guessed.tokenMs
      snapshot.busyMs = guessed.busyMs
      snapshot.rateConfidence = 0
      snapshot.usualTotalMs = guessed.totalMs
      snapshot.usualFirstMs = guessed.baseMs
    }
    if (features === undefined) {
      snapshot.promptTokens = 0
      snapshot.cachedTokens = 0
    } else {
      const tokensPerByte = rates.tokensPerByte(start)
      snapshot.promptTokens = features.promptBytes * tokensPerByte + features.media * tokensPerMedia
      // Engines without a prefix cache, or with one that is too small.
      const cachedShare = start < 0 ? 0 : (row[start + rateCells.cachedShare] ?? 0)
      const isRare = cachedShare > 0 && cachedShare < minCachedShare
      snapshot.cachedTokens = cachedBytes * tokensPerByte * (isRare ? cachedShare : 1)
    }
    snapshot.inFlight = Math.max(0, load.inFlight(slot) - own)
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
      signals.readLoad(slot, nowMs, snapshot)
      isCold ||= snapshot.sleeping === 1
    }
    snapshot.loadMs = isCold ? rates.loadMs(candidate, start, snapshot.inFlight > 0) : 0
    return snapshot
  }

  /** A request has a place at a candidate and is sent: from now on its prompt is ahead of others. */
  begins(features: RequestFeatures, candidate: EstimatedCandidate): PendingWork {
    const { cells } = this.#parts
    const { slot } = candidate.endpoint
    const nowMs = this.now()
    // The strategy has just looked it up.
    if (this.#matched !== features) this.matchesOf(features, false)
    const cachedBytes = this.matches.bytesAt(slot)
    const start = this.rates.startOf(candidate)
    // The request itself already counts.
    const snapshot = this.#fill(features, candidate, start, cachedBytes, nowMs, 1)
    const estimate = estimateFirstToken(snapshot, emptyEstimate())
    const { terms } = estimate
    const aheadMs = snapshot.awaiting === 0 ? 0 : snapshot.aheadMs
    if (terms.loadMs > 0) this.rates.loads(candidate)
    cells.awaiting.acquire(slot)
    cells.freeAtMs[slot] = nowMs + aheadMs + terms.prefillMs + estimate.busyness * snapshot.busyMs
    return {
      candidate,
      features,
      estimate,
      knownTokens: cachedBytes * this.rates.tokensPerByte(start),
      sentAtMs: nowMs,
      otherWaitMs: Math.max(0, terms.waitingMs - aheadMs),
      ownMs: undefined,
      isAwaiting: true,
    }
  }

  /** The answer to a request has begun, or it ended without one. */
  answered(work: PendingWork, isGood: boolean): void {
    if (!work.isAwaiting) return
    work.isAwaiting = false
    const { clock, cells } = this.#parts
    const { slot } = work.candidate.endpoint
    const nowMs = clock.monotonicMs()
    cells.awaiting.release(slot)
    if (cells.awaiting.value(slot) <= 0) cells.freeAtMs[slot] = nowMs
    if (!isGood) return
    work.ownMs = nowMs - Math.max(work.sentAtMs, cells.firstTokenAtMs[slot] ?? 0)
    cells.firstTokenAtMs[slot] = nowMs
    this.prefixes.add(work.features, slot)
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
