import type { BreakerState } from '../../kernel/breaker-state.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { BreakerPolicy } from '../registry/breaker-policy.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { BreakerTable } from './breaker-table.ts'
import {
  type BreakerPermit,
  type BreakerSnapshot,
  CircuitBreaker,
  type TransitionListener,
} from './circuit-breaker.ts'
import { type AttemptResult, type CountedFailure, countedFailure } from './counted-failure.ts'
import { type EvidenceTarget, type ModelStates, ofEndpoint } from './model-states.ts'

/** Permits of the endpoint's and the model's circuit. */
interface PairPermit {
  readonly endpoint: BreakerPermit
  readonly model: BreakerPermit
}

/**
 * Answer of a candidate's circuits to a request: all except `refused` permit it. `forced` passes an open circuit
 * because nothing else can serve the request.
 */
export type CandidatePermit = BreakerPermit | PairPermit | 'forced'

/** A circuit of a model on an endpoint, for views. */
export interface ModelCircuit {
  readonly model: string
  readonly circuit: BreakerSnapshot
}

export interface CircuitServices {
  readonly clock: Clock
  readonly events: EventBus
  /** Circuits of models; without them every failure counts for the endpoint. */
  readonly models?: ModelStates | undefined
  /** Whether an endpoint answered a request successfully since a monotonic time. */
  readonly hasAnsweredSince?: ((slot: number, sinceMs: number) => boolean) | undefined
}

/** This many open circuits of models without a good answer in between open the endpoint's own circuit. */
const modelsForWhole = 2

/**
 * Circuit breakers of all endpoints by slot, and of models on them. A request passes both; a failure counts for one of
 * them, depending on its evidence.
 */
export class CircuitBreakers {
  readonly #table: BreakerTable
  readonly #endpoints: CircuitBreaker[] = []
  readonly #policies: BreakerPolicy[] = []
  readonly #names: string[] = []
  readonly #services: CircuitServices
  readonly #models: ModelStates | undefined
  /** By row, with slot and model. */
  readonly #byRow: ({ slot: number; model: string; breaker: CircuitBreaker } | undefined)[] = []

  constructor(registry: EndpointRegistry, table: BreakerTable, services: CircuitServices) {
    this.#table = table
    this.#services = services
    this.#models = services.models
    for (const endpoint of registry.snapshot.endpoints) this.#put(endpoint)
    registry.follow({ present: (endpoint) => this.#put(endpoint) })
  }

  /** Closes the circuits of an endpoint and its models, without an event: it is another server, or another endpoint. */
  reset(slot: number): void {
    this.#table.clear(slot)
    const { table } = this.#models ?? {}
    for (const row of table?.rows(slot) ?? []) table?.free(row)
  }

  /** Closes the circuits of an endpoint and its models, for an operator. */
  recover(slot: number, reason: string): void {
    this.get(slot).recover(reason)
    const { table } = this.#models ?? {}
    for (const row of table?.rows(slot) ?? []) this.#ofRow(row, slot, table?.model(row) ?? '').recover(reason)
  }

  /** State of models. */
  get modelStates(): ModelStates | undefined {
    return this.#models
  }

  /** The circuit of an endpoint. */
  get(slot: number): CircuitBreaker {
    const breaker = this.#endpoints[slot]
    if (breaker === undefined) throw new RangeError(`no endpoint in slot ${slot}`)
    return breaker
  }

  /** Whether `acquire` would permit a request now; changes nothing. */
  wouldAdmit(candidate: EvidenceTarget): boolean {
    return (
      this.get(candidate.endpoint.slot).wouldAdmit() && this.#modelBreaker(candidate)?.wouldAdmit() !== false
    )
  }

  /** Whether the next request to this candidate would be a trial of one of its circuits. */
  isTrialDue(candidate: EvidenceTarget): boolean {
    const isDue =
      this.get(candidate.endpoint.slot).isTrialDue || this.#modelBreaker(candidate)?.isTrialDue === true
    return isDue && this.wouldAdmit(candidate)
  }

  /** Milliseconds until the circuits of this candidate permit a trial; 0 if they are not open. */
  retryInMs(candidate: EvidenceTarget): number {
    const { slot } = candidate.endpoint
    return Math.max(this.get(slot).retryInMs(), this.#modelBreaker(candidate)?.retryInMs() ?? 0)
  }

  /** The circuit that refuses this candidate now, or else the endpoint's. */
  deciding(candidate: EvidenceTarget): CircuitBreaker {
    const own = this.get(candidate.endpoint.slot)
    if (!own.wouldAdmit()) return own
    const model = this.#modelBreaker(candidate)
    return model !== undefined && (!model.wouldAdmit() || own.state === 'closed') ? model : own
  }

  acquire(candidate: EvidenceTarget): CandidatePermit {
    const own = this.get(candidate.endpoint.slot)
    const endpoint = own.acquire()
    if (endpoint === 'refused') return endpoint
    const breaker = this.#modelBreaker(candidate)
    if (breaker === undefined) return endpoint
    const model = breaker.acquire()
    if (model === 'refused') {
      own.release(endpoint)
      return model
    }
    return endpoint === 'closed' && model === 'closed' ? endpoint : { endpoint, model }
  }

  /** Returns a permit whose attempt showed nothing about endpoint or model. */
  release(candidate: EvidenceTarget, permit: CandidatePermit): void {
    if (permit === 'closed' || permit === 'forced') return
    this.get(candidate.endpoint.slot).release(ofOwn(permit))
    if (isPair(permit)) this.#modelBreaker(candidate)?.release(permit.model)
  }

  /** Records a success. */
  succeed(candidate: EvidenceTarget, permit: CandidatePermit): void {
    const own = this.get(candidate.endpoint.slot)
    const model = this.#modelBreaker(candidate)
    if (permit === 'forced') {
      own.recover()
      model?.recover()
      return
    }
    own.succeed(ofOwn(permit))
    model?.succeed(isPair(permit) ? permit.model : 'closed')
  }

  /** Records a failure for the endpoint or the model, depending on its evidence. */
  fail(candidate: EvidenceTarget, permit: CandidatePermit, failure: CountedFailure): void {
    const { slot } = candidate.endpoint
    const own = this.get(slot)
    const row = failure.about === 'endpoint' ? ofEndpoint : (this.#models?.take(candidate) ?? ofEndpoint)
    const model = this.#modelBreaker(candidate)
    const modelPermit = isPair(permit) ? permit.model : 'closed'
    if (row === ofEndpoint) {
      own.fail(ofOwn(permit), failure.reason, failure.source)
      model?.release(modelPermit)
      return
    }
    const endpointPermit = ofOwn(permit)
    if (endpointPermit === 'closed') {
      // A server that answers is reachable.
      if (failure.source === 'answer') own.succeed(endpointPermit)
    } else if (failure.source === 'answer' && own.openedByConnection) {
      own.succeed(endpointPermit)
    } else {
      own.fail(endpointPermit, failure.reason, failure.source)
    }
    model?.fail(modelPermit, failure.reason, failure.source)
    if (model?.state === 'open') this.#checkEndpoint(slot)
  }

  /**
   * Records the result of an attempt; the policy decides whether it counts.
   * @param about subject of a failure, if it differs from the default of its kind
   */
  settle(
    candidate: EvidenceTarget,
    permit: CandidatePermit,
    result: AttemptResult,
    about?: CountedFailure['about'],
  ): void {
    const failure = countedFailure(this.#policy(candidate.endpoint.slot), result)
    if (failure !== undefined)
      this.fail(candidate, permit, about === undefined ? failure : { ...failure, about })
    else if (result.kind === 'answered') this.succeed(candidate, permit)
    else this.release(candidate, permit)
  }

  /** Circuits of an endpoint's models that are not closed or have counted failures. */
  models(slot: number): ModelCircuit[] {
    const { table } = this.#models ?? {}
    if (table === undefined) return []
    return table.rows(slot).flatMap((row) => {
      const model = table.model(row)
      const circuit = this.#ofRow(row, slot, model).snapshot()
      return circuit.state === 'closed' && circuit.consecutiveFailures === 0 ? [] : [{ model, circuit }]
    })
  }

  /** The circuit of a model; undefined if the endpoint's counts for it, or if there is no room for another one. */
  ofModel(candidate: EvidenceTarget): CircuitBreaker | undefined {
    this.#models?.take(candidate)
    return this.#modelBreaker(candidate)
  }

  /** Frees the trials of a thread that has ended. */
  reclaim(thread: number): void {
    for (const breaker of this.#endpoints) breaker?.reclaim(thread)
    const { table } = this.#models ?? {}
    for (const row of table?.rows() ?? []) {
      if (table !== undefined) this.#ofRow(row, table.slot(row), table.model(row)).reclaim(thread)
    }
  }

  #put({ slot, name, breaker }: Pick<Endpoint, 'slot' | 'name' | 'breaker'>): void {
    if (this.#policies[slot] === breaker && this.#names[slot] === name) return
    this.#policies[slot] = breaker
    this.#names[slot] = name
    // The state is in the cells, so a circuit with another policy continues where the last one was.
    this.#endpoints[slot] = new CircuitBreaker(
      this.#table,
      slot,
      breaker,
      this.#services.clock,
      this.#notify(slot),
    )
    for (const [row, known] of this.#byRow.entries()) if (known?.slot === slot) this.#byRow[row] = undefined
  }

  #checkEndpoint(slot: number): void {
    const { clock, hasAnsweredSince } = this.#services
    const open = this.models(slot).filter(({ circuit }) => circuit.state === 'open')
    if (open.length < modelsForWhole) return
    const sinceMs = clock.monotonicMs() - this.#policy(slot).openDurationMs
    if (hasAnsweredSince?.(slot, sinceMs) === true) return
    this.get(slot).trip(`circuits of ${open.length} models are open`)
  }

  /** The circuit of the candidate's model; undefined if the model has no failures there. */
  #modelBreaker(candidate: EvidenceTarget): CircuitBreaker | undefined {
    const row = this.#models?.find(candidate) ?? ofEndpoint
    const { nativeModel } = candidate
    return row < 0 || nativeModel === undefined
      ? undefined
      : this.#ofRow(row, candidate.endpoint.slot, nativeModel)
  }

  #ofRow(row: number, slot: number, model: string): CircuitBreaker {
    const known = this.#byRow[row]
    if (known?.slot === slot && known.model === model) return known.breaker
    const table = this.#models?.table.breakers
    if (table === undefined) throw new RangeError('circuits of models are disabled')
    const listener = this.#notify(slot, model)
    const breaker = new CircuitBreaker(table, row, this.#policy(slot), this.#services.clock, listener)
    this.#byRow[row] = { slot, model, breaker }
    return breaker
  }

  #policy(slot: number): BreakerPolicy {
    return this.#policies[slot] ?? this.get(slot).policy
  }

  #notify(slot: number, model?: string): TransitionListener {
    const endpoint = this.#names[slot] ?? ''
    const { events } = this.#services
    return (from: BreakerState, to: BreakerState, reason: string) => {
      if (model === undefined) events.publish('breaker.transition', { endpoint, from, to, reason })
      else events.publish('model.transition', { endpoint, model, from, to, reason })
    }
  }
}

function isPair(permit: CandidatePermit): permit is PairPermit {
  return typeof permit === 'object' && 'endpoint' in permit
}

/** The permit of the endpoint's own circuit. */
function ofOwn(permit: CandidatePermit): BreakerPermit {
  if (permit === 'forced') return 'closed'
  return isPair(permit) ? permit.endpoint : permit
}
