import type { BreakerState } from '../../kernel/breaker-state.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { BreakerPolicy } from '../registry/breaker-policy.ts'
import {
  type BreakerTable,
  phaseCell,
  probeFailuresCell,
  requestFailuresCell,
  sourceCell,
} from './breaker-table.ts'

/** Whether a phase cell means closed. */
export function isClosedPhase(cell: number): boolean {
  return (cell & phaseMask) === closed
}

/** A running trial; the number distinguishes it from a later trial that replaced it. */
export interface TrialPermit {
  readonly trial: number
}

/** Answer of the breaker to a request: all except `refused` permit it. */
export type BreakerPermit = 'closed' | 'refused' | TrialPermit

/** Whether the endpoint was unreachable or answered badly; an answered probe disproves only the first. */
export type FailureSource = 'connection' | 'answer'

export interface BreakerSnapshot {
  readonly state: BreakerState
  /** Why the circuit is in this state; '' before the first transition. */
  readonly reason: string
  /** Failures of requests and probes since the last success. */
  readonly consecutiveFailures: number
  /** Last transition; milliseconds since the Unix epoch, undefined before the first. */
  readonly sinceMs: number | undefined
  /** When the breaker permits a trial; milliseconds since the Unix epoch, undefined unless open. */
  readonly retryAtMs: number | undefined
}

/**
 * Layout of the phase cell: the phase in the low two bits, then the number of the thread with the trial, then a
 * generation.
 */
const closed = 0
const open = 1
const halfOpen = 2
/** Half-open with a running trial. */
const trial = 3
const phaseMask = 3
const stateOfPhase: readonly BreakerState[] = ['closed', 'open', 'half_open', 'half_open']
const threadShift = 2
const threadMask = 0xff
const generationShift = 10

export type TransitionListener = (from: BreakerState, to: BreakerState, reason: string) => void

/**
 * Circuit breaker over shared cells. Phase and generation share one cell, and every transition is one compare-and-swap
 * on it, so exactly one thread opens the circuit, one request becomes the trial, and stale results change nothing.
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

  /** @param onTransition called for transitions made by this instance */
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

  /** Whether `acquire` would permit a request now; changes nothing. */
  wouldAdmit(): boolean {
    if (!this.#policy.enabled) return true
    switch (this.#load(phaseCell) & phaseMask) {
      case open:
        return this.#elapsedMs(this.#openedAt) >= this.#policy.openDurationMs
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
    // Written before the swap: a thread that sees the new trial with the old time would consider it stale.
    this.#table.records.setNumber(this.#row, this.#trialAt, this.#clock.monotonicMs())
    const taken = nextCell(cell, trial, this.#table.thread)
    if (!this.#swap(cell, taken)) return 'refused'
    if ((cell & phaseMask) === open) this.#notify('open', 'half_open', 'open time is over')
    return { trial: taken }
  }

  /** Records a success. */
  succeed(permit: BreakerPermit): void {
    if (permit === 'refused') return
    if (isTrial(permit) && this.#load(phaseCell) === permit.trial) {
      this.#forgetFailures()
      if (this.#swap(permit.trial, nextCell(permit.trial, closed))) {
        this.#notify('half_open', 'closed', 'trial succeeded')
      }
    } else if (this.#isClosed()) {
      this.#forgetFailures()
    }
  }

  /** Records a failure that the policy counts. */
  fail(permit: BreakerPermit, reason: string, source: FailureSource = 'answer'): void {
    if (!this.#policy.enabled || permit === 'refused') return
    const failures = this.#table.increment(this.#row, requestFailuresCell)
    if (isTrial(permit) && this.#load(phaseCell) === permit.trial) {
      this.#open(permit.trial, `trial failed: ${reason}`, source)
    } else {
      this.#openAt(failures + this.#load(probeFailuresCell), reason, source)
    }
  }

  /** Closes the circuit, by default because a forced request succeeded. */
  recover(reason = 'a request was answered'): void {
    const cell = this.#load(phaseCell)
    this.#forgetFailures()
    if ((cell & phaseMask) === closed || !this.#swap(cell, nextCell(cell, closed))) return
    this.#notify((cell & phaseMask) === open ? 'open' : 'half_open', 'closed', reason)
  }

  /** Opens the circuit, or keeps it open, for a time: what another replica has seen. The longest deadline wins. */
  adopt(openForMs: number, reason: string): void {
    if (!this.#policy.enabled) return
    const cell = this.#load(phaseCell)
    const phase = cell & phaseMask
    if (phase === trial || phase === halfOpen) return
    const openedAtMs = this.#clock.monotonicMs() + Math.min(0, openForMs - this.#policy.openDurationMs)
    const { records } = this.#table
    const isLonger = phase === closed || openedAtMs > records.number(this.#row, this.#openedAt)
    if (isLonger) records.setNumber(this.#row, this.#openedAt, openedAtMs)
    if (phase === open) return
    this.#table.store(this.#row, sourceCell, 0)
    if (this.#swap(cell, nextCell(cell, open))) this.#notify('closed', 'open', reason)
  }

  /** Opens the circuit for an external reason. */
  trip(reason: string): void {
    const cell = this.#load(phaseCell)
    if (this.#policy.enabled && (cell & phaseMask) === closed) this.#open(cell, reason, 'answer')
  }

  /** Returns a permit whose request showed nothing about the endpoint (the client left). */
  release(permit: BreakerPermit): void {
    if (isTrial(permit)) this.#swap(permit.trial, nextCell(permit.trial, halfOpen))
  }

  /** Records a failed connection of a probe, which counts like that of a request. */
  probeFailed(reason: string): void {
    if (!this.#policy.enabled || !this.#policy.connectionErrors || !this.#isClosed()) return
    const failures = this.#table.increment(this.#row, probeFailuresCell)
    this.#openAt(failures + this.#load(requestFailuresCell), reason, 'connection')
  }

  /**
   * Records an answered probe: resets failures counted by probes and permits the trial of a circuit that failed
   * connections opened. A good health route shows nothing about bad answers to requests.
   */
  probeSucceeded(): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) === closed) {
      this.#table.store(this.#row, probeFailuresCell, 0)
    } else if ((cell & phaseMask) === open && this.#load(sourceCell) === 1) {
      if (this.#swap(cell, nextCell(cell, halfOpen)))
        this.#notify('open', 'half_open', 'a probe was answered')
    }
  }

  /** Frees the trial of a thread that has ended. */
  reclaim(thread: number): void {
    const cell = this.#load(phaseCell)
    if ((cell & phaseMask) !== trial || ((cell >> threadShift) & threadMask) !== thread) return
    this.#swap(cell, nextCell(cell, halfOpen))
  }

  /** Whether the next request would be a trial. */
  get isTrialDue(): boolean {
    return !this.#isClosed() && this.wouldAdmit()
  }

  /** Whether unreachability opened the circuit; meaningless while closed. */
  get openedByConnection(): boolean {
    return this.#load(sourceCell) === 1
  }

  /** Milliseconds until an open circuit permits a trial; 0 if it is not open. */
  retryInMs(): number {
    if ((this.#load(phaseCell) & phaseMask) !== open) return 0
    return Math.max(0, this.#policy.openDurationMs - this.#elapsedMs(this.#openedAt))
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
    // Written before the phase: otherwise a thread could see an open circuit with an earlier time.
    this.#table.records.setNumber(this.#row, this.#openedAt, this.#clock.monotonicMs())
    this.#table.store(this.#row, sourceCell, source === 'connection' ? 1 : 0)
    if (!this.#swap(cell, nextCell(cell, open))) return
    this.#notify((cell & phaseMask) === closed ? 'closed' : 'half_open', 'open', reason)
  }

  #swap(from: number, to: number): boolean {
    return this.#table.swap(this.#row, phaseCell, from, to)
  }

  #notify(from: BreakerState, to: BreakerState, reason: string): void {
    this.#table.records.setText(this.#row, reason)
    this.#table.records.setNumber(this.#row, this.#since, this.#clock.nowMs())
    this.#onTransition(from, to, reason)
  }

  #forgetFailures(): void {
    // Every success takes this path: a cell that is only read stays in every core's cache.
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

/** The next generation with another phase; wraps around after four million transitions. */
function nextCell(cell: number, phase: number, thread = 0): number {
  return (((cell >> generationShift) + 1) << generationShift) | (thread << threadShift) | phase
}
