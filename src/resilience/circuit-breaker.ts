import type { Clock } from '../clock.ts'
import type { BreakerPolicy, BreakerState } from './breaker.ts'

/** A trial under way; the number tells it from the one that it may have been given on to. */
export interface TrialPermit {
  readonly trial: number
}

/** What a request got from the breaker: with all but `refused` it may go. */
export type BreakerPermit = 'closed' | 'refused' | TrialPermit

/** Whether the endpoint did not answer, or answered badly: an answered probe disproves only the first. */
export type FailureSource = 'connection' | 'answer'

export interface BreakerSnapshot {
  readonly state: BreakerState
  /** Why the circuit is in this state; '' before the first transition. */
  readonly reason: string
  /** Of requests and probes, since the last success. */
  readonly consecutiveFailures: number
  /** Epoch milliseconds of the last transition; undefined before the first. */
  readonly sinceMs: number | undefined
  /** Epoch milliseconds from which a trial is let through; undefined unless open. */
  readonly retryAtMs: number | undefined
}

/** Phases, the low two bits of the phase cell. */
const closed = 0
const open = 1
const halfOpen = 2
/** Half-open with its trial under way. */
const trial = 3
const phaseMask = 3
const stateOfPhase: readonly BreakerState[] = ['closed', 'open', 'half_open', 'half_open']

/** Int32 cells of one breaker. */
const phaseCell = 0
const requestFailuresCell = 1
const probeFailuresCell = 2
/** 1 where the last opening was for want of a connection. */
const sourceCell = 3
const breakerCells = 4

/** Float64 cells of one breaker: monotonic milliseconds. */
const openedAtCell = 0
const trialAtCell = 1
const breakerTimes = 2

/** Cells of several breakers, shared between threads. */
export class BreakerTable {
  readonly cells: Int32Array
  readonly times: Float64Array

  /** @param shared the buffers of another thread's table with as many rows */
  constructor(rows: number, shared?: { cells: SharedArrayBuffer; times: SharedArrayBuffer }) {
    const cellBytes = rows * breakerCells * Int32Array.BYTES_PER_ELEMENT
    const timeBytes = rows * breakerTimes * Float64Array.BYTES_PER_ELEMENT
    this.cells = new Int32Array(shared?.cells ?? new SharedArrayBuffer(cellBytes))
    this.times = new Float64Array(shared?.times ?? new SharedArrayBuffer(timeBytes))
  }
}

export type TransitionListener = (from: BreakerState, to: BreakerState, reason: string) => void

/**
 * Closed, open, half-open over shared cells. Phase and a generation share one cell and every transition is one
 * compare-and-swap on it, so that of all threads exactly one opens the circuit, exactly one request becomes
 * the trial, and what has become stale meanwhile changes nothing.
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

  /** @param onTransition called for the transitions that this instance makes */
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
    return stateOfPhase[this.#load(phaseCell) & phaseMask] ?? 'closed'
  }

  /** Whether `acquire` would let a request through now; changes nothing. */
  wouldAdmit(): boolean {
    if (!this.#policy.enabled) return true
    switch (this.#load(phaseCell) & phaseMask) {
      case open:
        return this.#elapsedMs(openedAtCell) >= this.#policy.openMs
      case trial:
        return this.#elapsedMs(trialAtCell) >= this.#policy.trialTimeoutMs
      default:
        return true
    }
  }

  acquire(): BreakerPermit {
    if (!this.#policy.enabled) return 'closed'
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) === closed) return 'closed'
    if (!this.wouldAdmit()) return 'refused'
    // Before the swap, so that nobody sees a new trial with the time of an old one and takes it for stale.
    this.#times[this.#timesAt + trialAtCell] = this.#clock.monotonicMs()
    const taken = nextCell(cell, trial)
    if (!this.#swap(cell, taken)) return 'refused'
    if ((cell & phaseMask) === open) this.#tell('open', 'half_open', 'open time is over')
    return { trial: taken }
  }

  /** The endpoint answered well. */
  succeed(permit: BreakerPermit): void {
    if (permit === 'refused') return
    if (isTrial(permit) && this.#load(phaseCell) === permit.trial) {
      this.#forgetFailures()
      if (this.#swap(permit.trial, nextCell(permit.trial, closed))) {
        this.#tell('half_open', 'closed', 'trial succeeded')
      }
    } else if (this.#isClosed()) {
      this.#forgetFailures()
    }
  }

  /** The endpoint failed in a way that the policy counts. */
  fail(permit: BreakerPermit, reason: string, source: FailureSource = 'answer'): void {
    if (!this.#policy.enabled || permit === 'refused') return
    const failures = Atomics.add(this.#cells, this.#at + requestFailuresCell, 1) + 1
    if (isTrial(permit) && this.#load(phaseCell) === permit.trial) {
      this.#open(permit.trial, `trial failed: ${reason}`, source)
    } else {
      this.#openAt(failures + this.#load(probeFailuresCell), reason, source)
    }
  }

  /** The request ended without saying anything about the endpoint (the client left). */
  release(permit: BreakerPermit): void {
    if (isTrial(permit)) this.#swap(permit.trial, nextCell(permit.trial, halfOpen))
  }

  /** A probe found no connection: counts like a request that found none. */
  probeFailed(reason: string): void {
    if (!this.#policy.enabled || !this.#policy.connectionErrors || !this.#isClosed()) return
    const failures = Atomics.add(this.#cells, this.#at + probeFailuresCell, 1) + 1
    this.#openAt(failures + this.#load(requestFailuresCell), reason, 'connection')
  }

  /**
   * A probe was answered: what failed probes have counted is forgotten, and a circuit that opened because
   * nobody answered may have its trial at once. About bad answers to requests a good health route says nothing.
   */
  probeSucceeded(): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) === closed) {
      Atomics.store(this.#cells, this.#at + probeFailuresCell, 0)
    } else if ((cell & phaseMask) === open && this.#load(sourceCell) === 1) {
      if (this.#swap(cell, nextCell(cell, halfOpen))) this.#tell('open', 'half_open', 'a probe was answered')
    }
  }

  /** Milliseconds until an open circuit lets a trial through; 0 where it is not open. */
  retryInMs(): number {
    if ((this.#load(phaseCell) & phaseMask) !== open) return 0
    return Math.max(0, this.#policy.openMs - this.#elapsedMs(openedAtCell))
  }

  snapshot(): BreakerSnapshot {
    const { state } = this
    return {
      state,
      reason: this.#reason,
      consecutiveFailures: this.#load(requestFailuresCell) + this.#load(probeFailuresCell),
      sinceMs: this.#sinceMs,
      retryAtMs: state === 'open' ? this.#clock.nowMs() + this.retryInMs() : undefined,
    }
  }

  #openAt(failures: number, reason: string, source: FailureSource): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) !== closed || failures < this.#policy.failureThreshold) return
    this.#open(
      cell,
      failures === 1 ? reason : `${failures} consecutive failures, the last: ${reason}`,
      source,
    )
  }

  #open(cell: number, reason: string, source: FailureSource): void {
    // Written before the phase, so that nobody sees an open circuit with the time of an earlier one.
    this.#times[this.#timesAt + openedAtCell] = this.#clock.monotonicMs()
    Atomics.store(this.#cells, this.#at + sourceCell, source === 'connection' ? 1 : 0)
    if (!this.#swap(cell, nextCell(cell, open))) return
    this.#tell((cell & phaseMask) === closed ? 'closed' : 'half_open', 'open', reason)
  }

  #swap(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, this.#at + phaseCell, from, to) === from
  }

  #tell(from: BreakerState, to: BreakerState, reason: string): void {
    this.#reason = reason
    this.#sinceMs = this.#clock.nowMs()
    this.#onTransition(from, to, reason)
  }

  #forgetFailures(): void {
    Atomics.store(this.#cells, this.#at + requestFailuresCell, 0)
    Atomics.store(this.#cells, this.#at + probeFailuresCell, 0)
  }

  #isClosed(): boolean {
    return (this.#load(phaseCell) & phaseMask) === closed
  }

  #load(cell: number): number {
    return Atomics.load(this.#cells, this.#at + cell)
  }

  #elapsedMs(cell: number): number {
    return this.#clock.monotonicMs() - (this.#times[this.#timesAt + cell] ?? 0)
  }
}

function isTrial(permit: BreakerPermit): permit is TrialPermit {
  return typeof permit === 'object'
}

/** The next generation in another phase; wraps around, which takes a thousand million transitions. */
function nextCell(cell: number, phase: number): number {
  return ((cell & ~phaseMask) + phaseMask + 1 + phase) | 0
}
