import type { Clock } from '../clock.ts'
import type { BreakerPolicy, BreakerState } from './breaker.ts'

/** What a request got from the breaker: `closed` and `trial` may go, `refused` may not. */
export type BreakerPermit = 'closed' | 'trial' | 'refused'

/** Whether the endpoint did not answer, or answered badly: an answered probe disproves only the first. */
export type FailureSource = 'connection' | 'answer'

export interface BreakerSnapshot {
  readonly state: BreakerState
  /** Why the circuit is in this state; '' before the first transition. */
  readonly reason: string
  readonly consecutiveFailures: number
  /** Epoch milliseconds of the last transition; undefined before the first. */
  readonly sinceMs: number | undefined
  /** Epoch milliseconds from which a trial is let through; undefined unless open. */
  readonly retryAtMs: number | undefined
}

const states: readonly BreakerState[] = ['closed', 'open', 'half_open']
const closed = 0
const open = 1
const halfOpen = 2

/** Int32 cells of one breaker. */
const stateCell = 0
const failuresCell = 1
const sourceCell = 2
/** Counts trials, so that a trial that was given on cannot report for its successor. */
const trialCell = 3
export const breakerCells = 4

/** Float64 cells: monotonic milliseconds, shared time base of the process. */
const openedAtCell = 0
const trialAtCell = 1
export const breakerTimes = 2

/** Cells of several breakers, shared between threads. */
export class BreakerTable {
  readonly cells: Int32Array
  readonly times: Float64Array

  constructor(rows: number) {
    this.cells = new Int32Array(new SharedArrayBuffer(rows * breakerCells * Int32Array.BYTES_PER_ELEMENT))
    this.times = new Float64Array(new SharedArrayBuffer(rows * breakerTimes * Float64Array.BYTES_PER_ELEMENT))
  }
}

export type TransitionListener = (from: BreakerState, to: BreakerState, reason: string) => void

/**
 * Closed, open, half-open over shared cells. Every transition is one compare-and-swap, so that of all threads
 * exactly one opens the circuit and exactly one request becomes the trial.
 */
export class CircuitBreaker {
  readonly #cells: Int32Array
  readonly #times: Float64Array
  readonly #at: number
  readonly #timesAt: number
  readonly #policy: BreakerPolicy
  readonly #clock: Clock
  readonly #onTransition: TransitionListener
  #reason = ''
  #sinceMs: number | undefined

  constructor(
    table: BreakerTable,
    row: number,
    policy: BreakerPolicy,
    clock: Clock,
    onTransition: TransitionListener = () => {},
  ) {
    this.#cells = table.cells
    this.#times = table.times
    this.#at = row * breakerCells
    this.#timesAt = row * breakerTimes
    this.#policy = policy
    this.#clock = clock
    this.#onTransition = onTransition
  }

  get policy(): BreakerPolicy {
    return this.#policy
  }

  get state(): BreakerState {
    return states[this.#load(stateCell)] ?? 'closed'
  }

  /** Whether `acquire` would let a request through now; changes nothing. */
  wouldAdmit(): boolean {
    if (!this.#policy.enabled) return true
    switch (this.#load(stateCell)) {
      case open:
        return this.#elapsedMs(openedAtCell) >= this.#policy.openMs
      case halfOpen:
        return this.#trialIsFree()
      default:
        return true
    }
  }

  acquire(): BreakerPermit {
    if (!this.#policy.enabled) return 'closed'
    switch (this.#load(stateCell)) {
      case open:
        if (this.#elapsedMs(openedAtCell) < this.#policy.openMs) return 'refused'
        this.#transition(open, halfOpen, 'open time is over')
        return this.#takeTrial()
      case halfOpen:
        return this.#takeTrial()
      default:
        return 'closed'
    }
  }

  /** The endpoint answered well. */
  succeed(permit: BreakerPermit): void {
    if (permit === 'refused') return
    if (permit === 'trial') {
      Atomics.store(this.#cells, this.#at + failuresCell, 0)
      if (this.#transition(halfOpen, closed, 'trial succeeded')) this.#freeTrial()
      return
    }
    if (this.#load(stateCell) === closed) Atomics.store(this.#cells, this.#at + failuresCell, 0)
  }

  /** The endpoint failed in a way that the policy counts. */
  fail(permit: BreakerPermit, reason: string, source: FailureSource = 'answer'): void {
    if (!this.#policy.enabled || permit === 'refused') return
    const failures = Atomics.add(this.#cells, this.#at + failuresCell, 1) + 1
    if (permit === 'trial') {
      this.#open(halfOpen, `trial failed: ${reason}`, source)
      this.#freeTrial()
      return
    }
    if (this.#load(stateCell) === closed && failures >= this.#policy.failureThreshold) {
      this.#open(closed, `${failures} consecutive failures, the last: ${reason}`, source)
    }
  }

  /** The request ended without saying anything about the endpoint (the client left). */
  release(permit: BreakerPermit): void {
    if (permit === 'trial') this.#freeTrial()
  }

  /** A probe found no connection: counts like a request that found none. */
  probeFailed(reason: string): void {
    if (this.#policy.connectionErrors) this.fail('closed', reason, 'connection')
  }

  /**
   * A probe was answered: a circuit that opened because nobody answered may have its trial at once. One that
   * opened because of bad answers learns nothing from a good health route.
   */
  probeSucceeded(): void {
    if (this.#load(sourceCell) === 1) this.#transition(open, halfOpen, 'a probe was answered')
  }

  /** Milliseconds until an open circuit lets a trial through; 0 where it is not open. */
  retryInMs(): number {
    if (this.#load(stateCell) !== open) return 0
    return Math.max(0, this.#policy.openMs - this.#elapsedMs(openedAtCell))
  }

  snapshot(): BreakerSnapshot {
    const { state } = this
    return {
      state,
      reason: this.#reason,
      consecutiveFailures: this.#load(failuresCell),
      sinceMs: this.#sinceMs,
      retryAtMs: state === 'open' ? this.#clock.nowMs() + this.retryInMs() : undefined,
    }
  }

  #takeTrial(): BreakerPermit {
    const trial = this.#load(trialCell)
    // Odd: a trial is under way. It is given on when it has not reported back in time.
    if (trial % 2 === 1) {
      if (this.#elapsedMs(trialAtCell) < this.#policy.trialTimeoutMs) return 'refused'
      if (Atomics.compareExchange(this.#cells, this.#at + trialCell, trial, trial + 2) !== trial)
        return 'refused'
    } else if (Atomics.compareExchange(this.#cells, this.#at + trialCell, trial, trial + 1) !== trial) {
      return 'refused'
    }
    this.#times[this.#timesAt + trialAtCell] = this.#clock.monotonicMs()
    return 'trial'
  }

  #trialIsFree(): boolean {
    return this.#load(trialCell) % 2 === 0 || this.#elapsedMs(trialAtCell) >= this.#policy.trialTimeoutMs
  }

  #freeTrial(): void {
    const trial = this.#load(trialCell)
    if (trial % 2 === 1) Atomics.compareExchange(this.#cells, this.#at + trialCell, trial, trial + 1)
  }

  #open(from: number, reason: string, source: FailureSource): void {
    // Written before the state, so that nobody sees an open circuit with the time of an earlier one.
    this.#times[this.#timesAt + openedAtCell] = this.#clock.monotonicMs()
    Atomics.store(this.#cells, this.#at + sourceCell, source === 'connection' ? 1 : 0)
    this.#transition(from, open, reason)
  }

  #transition(from: number, to: number, reason: string): boolean {
    if (Atomics.compareExchange(this.#cells, this.#at + stateCell, from, to) !== from) return false
    this.#reason = reason
    this.#sinceMs = this.#clock.nowMs()
    this.#onTransition(states[from] ?? 'closed', states[to] ?? 'closed', reason)
    return true
  }

  #load(cell: number): number {
    return Atomics.load(this.#cells, this.#at + cell)
  }

  #elapsedMs(cell: number): number {
    return this.#clock.monotonicMs() - (this.#times[this.#timesAt + cell] ?? 0)
  }
}
