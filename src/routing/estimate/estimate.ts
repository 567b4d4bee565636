import type { EngineLoad } from '../../endpoints/engines/engine-signals.ts'

/** What is known of a candidate at one moment. Times in milliseconds; NaN is unknown, which is not 0. */
export interface CandidateSnapshot extends EngineLoad {
  /** Tokens of the request's prompt, and how many of them the endpoint has in its prefix cache. */
  promptTokens: number
  cachedTokens: number
  /** Learned: time of an empty prompt, per uncached token, and in a busy engine. */
  baseMs: number
  tokenMs: number
  busyMs: number
  /** How well these are known, 0 to 1. */
  rateConfidence: number
  /** Learned: time to the first token of a usual request, and how long one stays at the endpoint. */
  usualFirstMs: number
  usualTotalMs: number
  /** Time to load the model; 0 if it is in memory. */
  loadMs: number
  /** Own requests at the endpoint, over all threads and replicas, and those among them without a first token. */
  inFlight: number
  awaiting: number
  /** Time that the prompts of those will take, one after the other. */
  aheadMs: number
  /** By how much the endpoint is behind that. */
  overdueMs: number
}

/** Parts of an estimate in milliseconds; their sum is the time to the first token. */
export interface EstimateTerms {
  /** Until the engine begins with this request: prompts ahead of it, and free places in its batch. */
  waitingMs: number
  /** The prompt, as far as it is not in the prefix cache, and what every request costs. */
  prefillMs: number
  /** Loading the model. */
  loadMs: number
  /** Because the engine generates other answers at the same time, or has no room left in its KV cache. */
  decodeMs: number
}

export interface Estimate {
  totalMs: number
  readonly terms: EstimateTerms
  /** 0 to 1: 0 is a guess without any data. */
  confidence: number
  /** Whether the engine's signals are not recent. */
  hasOldSignals: boolean
  promptTokens: number
  cachedTokens: number
  /** Own requests at the endpoint. */
  inFlight: number
  /**
   * How busy the engine is, 0 to 1: n requests are n / (n + 1). What they cost the next prompt grows like this both in an
   * engine that computes one at a time and in one that computes many together.
   */
  busyness: number
}

export function emptySnapshot(): CandidateSnapshot {
  return {
    promptTokens: 0,
    cachedTokens: 0,
    baseMs: 0,
    tokenMs: 0,
    busyMs: 0,
    rateConfidence: 0,
    usualFirstMs: 0,
    usualTotalMs: 0,
    loadMs: 0,
    inFlight: 0,
    awaiting: 0,
    aheadMs: 0,
    overdueMs: 0,
    others: Number.NaN,
    waiting: Number.NaN,
    maxRunning: Number.NaN,
    kvUsed: Number.NaN,
    sleeping: Number.NaN,
    signalAgeMs: Number.NaN,
  }
}

export function emptyEstimate(): Estimate {
  return {
    totalMs: 0,
    terms: { waitingMs: 0, prefillMs: 0, loadMs: 0, decodeMs: 0 },
    confidence: 0,
    hasOldSignals: false,
    promptTokens: 0,
    cachedTokens: 0,
    inFlight: 0,
    busyness: 0,
  }
}

/** Above this part of the KV cache, engines begin to hold requests back. */
const kvLimit = 0.85
/** Signals older than this say less. */
export const oldSignalsMs = 3_000
const oldSignalsTrust = 0.6

/**
 * Estimates the time to the first token. A pure function that allocates nothing.
 * @param into receives the estimate
 */
export function estimateFirstToken(snapshot: CandidateSnapshot, into: Estimate): Estimate {
  const { promptTokens, cachedTokens, inFlight, awaiting, usualFirstMs, signalAgeMs } = snapshot
  const { terms } = into
  const others = snapshot.others > 0 ? snapshot.others : 0
  // Of the requests that wait in the engine, those that are not the gateway's own.
  const othersAhead = Math.min(
    snapshot.waiting > awaiting ? snapshot.waiting - awaiting : 0,
    Number.isNaN(snapshot.others) ? Number.POSITIVE_INFINITY : others,
  )
  // An endpoint that is behind is likely to stay behind for as long again.
  const ahead = awaiting === 0 ? 0 : Math.max(snapshot.aheadMs, snapshot.overdueMs)
  const present = inFlight + others
  terms.waitingMs = ahead + othersAhead * usualFirstMs + placeMs(snapshot, present + othersAhead)
  terms.prefillMs = snapshot.baseMs + Math.max(0, promptTokens - cachedTokens) * snapshot.tokenMs
  terms.loadMs = snapshot.loadMs
  const busyness = present / (present + 1)
  terms.decodeMs = busyness * snapshot.busyMs + kvMs(snapshot, present)
  into.totalMs = terms.waitingMs + terms.prefillMs + terms.loadMs + terms.decodeMs
  into.promptTokens = promptTokens
  into.inFlight = inFlight
  into.busyness = busyness
  into.cachedTokens = Math.min(promptTokens, cachedTokens)
  into.hasOldSignals = signalAgeMs > oldSignalsMs
  into.confidence = snapshot.rateConfidence * (into.hasOldSignals ? oldSignalsTrust : 1)
  return into
}

/** Until a place is free in an engine that says how many requests it computes at a time. */
function placeMs({ maxRunning, usualTotalMs }: CandidateSnapshot, present: number): number {
  const beyond = present + 1 - maxRunning
  return beyond > 0 ? (beyond / maxRunning) * usualTotalMs : 0
}

/** An engine without room for the prompt waits until another request ends. */
function kvMs({ kvUsed, usualTotalMs }: CandidateSnapshot, present: number): number {
  if (!(kvUsed > kvLimit)) return 0
  return (((kvUsed - kvLimit) / (1 - kvLimit)) * usualTotalMs) / Math.max(1, present)
}

/** Expected time until one of the requests at an endpoint ends; 0 if it has none. */
export function freesInMs({
  inFlight,
  others,
  usualTotalMs,
}: Pick<CandidateSnapshot, 'inFlight' | 'others' | 'usualTotalMs'>): number {
  const present = inFlight + (others > 0 ? others : 0)
  return present <= 0 ? 0 : usualTotalMs / present
}
