import type { BreakerState } from '../../kernel/breaker-state.ts'
import type { Clock } from '../../kernel/clock.ts'
import {
  type BreakerTable,
  phaseCell,
  probeFailuresCell,
  requestFailuresCell,
  sourceCell,
} from '../../runtime/cells/breaker-table.ts'
import type { BreakerPolicy } from '../registry/breaker-policy.ts'

/** Whether a phase cell says that the circuit is closed. */
export function isClosedPhase(cell: number): boolean {
  return (cell & phaseMask) === closed
}

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

/**
 * The phase cell: the phase in the low two bits, then the number of the thread that holds the trial, the rest
 * a generation.
 */
const closed = 0
const open = 1
const halfOpen = 2
/** Half-open with its trial under way. */
const trial = 3
const phaseMask = 3
const stateOfPhase: readonly BreakerState[] = ['closed', 'open', 'half_open', 'half_open']
const threadShift = 2
const threadMask = 0xff
const generationShift = 10

export type TransitionListener = (from: BreakerState, to: BreakerState, reason: string) => void

/**
 * Closed, open, half-open over shared cells. Phase and a generation share one cell and every transition is one
 * compare-and-swap on it, so that of all threads exactly one opens the circuit, exactly one request becomes
 * the trial, and what has become stale meanwhile changes nothing.
 */
export class CircuitBreaker {
  readonly #table: BreakerTable
  readonly #row: number
  readonly #openedAt: number
  readonly #trialAt: number
  readonly #since: number
  readonly #policy: BreakerPolicy
  readonly #clock: Clock
  readonly #onTransition: TransitionListener

  /** @param onTransition called for the transitions that this instance makes */
  constructor(
    table: BreakerTable,
    row: number,
    policy: BreakerPolicy,
    clock: Clock,
    onTransition: TransitionListener = () => {},
  ) {
    this.#table = table
    this.#row = row
    this.#openedAt = table.records.column('openedAtMs')
    this.#trialAt = table.records.column('trialAtMs')
    this.#since = table.records.column('sinceMs')
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
        return this.#elapsedMs(this.#openedAt) >= this.#policy.openMs
      case trial:
        return this.#elapsedMs(this.#trialAt) >= this.#policy.trialTimeoutMs
      default:
        return true
    }
  }

  acquire(): BreakerPermit {
    if (!this.#policy.enabled) return 'closed'
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) === closed) return 'closed'
    if (!this.wouldAdmit()) return 'refused'
    // Before the swap, so that no thread sees a new trial with the time of an old one and takes it for stale.
    this.#table.records.setNumber(this.#row, this.#trialAt, this.#clock.monotonicMs())
    const taken = nextCell(cell, trial, this.#table.thread)
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
    const failures = this.#table.increment(this.#row, requestFailuresCell)
    if (isTrial(permit) && this.#load(phaseCell) === permit.trial) {
      this.#open(permit.trial, `trial failed: ${reason}`, source)
    } else {
      this.#openAt(failures + this.#load(probeFailuresCell), reason, source)
    }
  }

  /** A request that went through in spite of the circuit was answered well: that outweighs why it opened. */
  recover(): void {
    const cell = this.#load(phaseCell)
    this.#forgetFailures()
    if ((cell & phaseMask) === closed || !this.#swap(cell, nextCell(cell, closed))) return
    this.#tell((cell & phaseMask) === open ? 'open' : 'half_open', 'closed', 'a request was answered')
  }

  /** Opens the circuit for a reason that lies outside of it. */
  trip(reason: string): void {
    const cell = this.#load(phaseCell)
    if (this.#policy.enabled && (cell & phaseMask) === closed) this.#open(cell, reason, 'answer')
  }

  /** The request ended without saying anything about the endpoint (the client left). */
  release(permit: BreakerPermit): void {
    if (isTrial(permit)) this.#swap(permit.trial, nextCell(permit.trial, halfOpen))
  }

  /** A probe found no connection: counts like a request that found none. */
  probeFailed(reason: string): void {
    if (!this.#policy.enabled || !this.#policy.connectionErrors || !this.#isClosed()) return
    const failures = this.#table.increment(this.#row, probeFailuresCell)
    this.#openAt(failures + this.#load(requestFailuresCell), reason, 'connection')
  }

  /**
   * A probe was answered: what failed probes have counted is forgotten, and a circuit that opened because
   * connections failed may have its trial at once. About bad answers to requests a good health route says nothing.
   */
  probeSucceeded(): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) === closed) {
      this.#table.store(this.#row, probeFailuresCell, 0)
    } else if ((cell & phaseMask) === open && this.#load(sourceCell) === 1) {
      if (this.#swap(cell, nextCell(cell, halfOpen))) this.#tell('open', 'half_open', 'a probe was answered')
    }
  }

  /** Gives the trial on that a thread held which has ended. */
  reclaim(thread: number): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) !== trial || ((cell >> threadShift) & threadMask) !== thread) return
    this.#swap(cell, nextCell(cell, halfOpen))
  }

  /** Whether the next request would be a trial. */
  get isTrialDue(): boolean {
    return !this.#isClosed() && this.wouldAdmit()
  }

  /** Whether the circuit opened because the endpoint could not be reached; of a closed one it says nothing. */
  get openedByConnection(): boolean {
    return this.#load(sourceCell) === 1
  }

  /** Milliseconds until an open circuit lets a trial through; 0 where it is not open. */
  retryInMs(): number {
    if ((this.#load(phaseCell) & phaseMask) !== open) return 0
    return Math.max(0, this.#policy.openMs - this.#elapsedMs(this.#openedAt))
  }

  snapshot(): BreakerSnapshot {
    const { state } = this
    const sinceMs = this.#table.records.number(this.#row, this.#since)
    return {
      state,
      reason: this.#table.records.text(this.#row),
      consecutiveFailures: this.#load(requestFailuresCell) + this.#load(probeFailuresCell),
      sinceMs: Number.isNaN(sinceMs) ? undefined : sinceMs,
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
    // Written before the phase, so that no thread sees an open circuit with the time of an earlier one.
    this.#table.records.setNumber(this.#row, this.#openedAt, this.#clock.monotonicMs())
    this.#table.store(this.#row, sourceCell, source === 'connection' ? 1 : 0)
    if (!this.#swap(cell, nextCell(cell, open))) return
    this.#tell((cell & phaseMask) === closed ? 'closed' : 'half_open', 'open', reason)
  }

  #swap(from: number, to: number): boolean {
    return this.#table.swap(this.#row, phaseCell, from, to)
  }

  #tell(from: BreakerState, to: BreakerState, reason: string): void {
    this.#table.records.setText(this.#row, reason)
    this.#table.records.setNumber(this.#row, this.#since, this.#clock.nowMs())
    this.#onTransition(from, to, reason)
  }

  #forgetFailures(): void {
    // Every success comes by here: a cell that is not written stays in every core's cache.
    if (this.#load(requestFailuresCell) !== 0) this.#table.store(this.#row, requestFailuresCell, 0)
    if (this.#load(probeFailuresCell) !== 0) this.#table.store(this.#row, probeFailuresCell, 0)
  }

  #isClosed(): boolean {
    return (this.#load(phaseCell) & phaseMask) === closed
  }

  #load(cell: number): number {
    return this.#table.load(this.#row, cell)
  }

  #elapsedMs(time: number): number {
    return this.#clock.monotonicMs() - this.#table.records.number(this.#row, time)
  }
}

function isTrial(permit: BreakerPermit): permit is TrialPermit {
  return typeof permit === 'object'
}

/** The next generation in another phase; wraps around, which takes four million transitions. */
function nextCell(cell: number, phase: number, thread = 0): number {
  return (((cell >> generationShift) + 1) << generationShift) | (thread << threadShift) | phase
}
