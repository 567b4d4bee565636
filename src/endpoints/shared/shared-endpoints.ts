import type { Cluster, ClusterPart } from '../../cluster/cluster.ts'
import type { EndpointState, ModelState } from '../../cluster/contract/news.ts'
import { announceScript, recallScript } from '../../cluster/scripts/transitions.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { type EndpointStatus, endpointStatuses, isRoutable } from '../../kernel/endpoint-status.ts'
import type { HealthChecker } from '../health/health-checker.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { CircuitBreaker } from '../resilience/circuit-breaker.ts'
import type { SharedModels } from './shared-models.ts'

/** What it needs of the registry. */
export interface SeenEndpoints extends Pick<EndpointRegistry, 'health' | 'mayAnswer'> {
  readonly snapshot: {
    readonly endpoints: readonly { readonly slot: number; readonly name: string }[]
    readonly byName: { get(name: string): { readonly slot: number } | undefined }
  }
  statusDetail(slot: number): { readonly reason: string }
}

/** What it needs of the circuits. */
export interface SeenCircuits {
  get(slot: number): Pick<CircuitBreaker, 'state' | 'retryInMs' | 'recover' | 'adopt'>
}

export interface SharedEndpointsOptions {
  readonly clock: Clock
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'runInBackground' | 'state'>
  readonly registry: SeenEndpoints
  readonly breakers: SeenCircuits
  /** Circuits and pauses of models; without it, those of endpoints only. */
  readonly models?: SharedModels
  readonly checker: Pick<HealthChecker, 'adopt' | 'probeNow'>
  /** Of `coolDownCells`. */
  readonly pausedUntilMs: Float64Array
  /** Whether this replica probes an endpoint for all. */
  readonly leads: (slot: number) => boolean
}

/** What was last seen of an endpoint, here or in a message. */
interface Seen {
  status: EndpointStatus
  openUntilMs: number
  pausedUntilMs: number
}

/** Interval at which the cells of the endpoints are compared with what was last seen. */
const pollMs = 20
/** Deadlines that differ by less are the same. */
const marginMs = 50

/**
 * Exchanges what replicas see of endpoints: their status, circuit and pauses. The cells are read at a short interval,
 * which covers all threads, and what differs is published. A replica that joins reads what the others have seen last.
 */
export class SharedEndpoints implements ClusterPart {
  readonly #options: SharedEndpointsOptions
  /** By name. */
  readonly #seen = new Map<string, Seen>()
  #timer: Timer | undefined
  #isRunning = false

  constructor(options: SharedEndpointsOptions) {
    this.#options = options
    for (const { slot, name } of options.registry.snapshot.endpoints) this.#seen.set(name, this.#now(slot))
  }

  /** Until then, parts that follow the status do not see its changes. */
  start(): void {
    this.#isRunning = true
    this.#arm()
    if (this.#options.cluster.state === 'joined') this.joined()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
  }

  joined(): void {
    const { cluster } = this.#options
    if (!this.#isRunning) return
    cluster.runInBackground({ script: recallScript, keys: [cluster.keys.state], args: [] }).then(
      (reply) => {
        if (!Array.isArray(reply)) return
        for (let at = 0; at + 2 < reply.length; at += 3) {
          const state = parse(String(reply[at + 2]))
          if (state === undefined || state.by === cluster.id) continue
          this.#apply(String(reply[at]), aged(state, Number(reply[at + 1])))
        }
      },
      () => undefined,
    )
  }

  missed(): void {
    this.joined()
  }

  inexact(): readonly string[] {
    return ['status, circuits and pauses of endpoints: only those that this replica has seen']
  }

  /** An endpoint was removed. */
  gone(name: string): void {
    this.#seen.delete(name)
    this.#options.models?.gone(name)
  }

  /** Another replica has seen something. */
  news(states: Readonly<Record<string, EndpointState>>): void {
    for (const [name, state] of Object.entries(states)) this.#apply(name, state)
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(pollMs, () => {
      this.#poll()
      if (this.#isRunning) this.#arm()
    })
  }

  #poll(): void {
    const { registry, cluster } = this.#options
    if (cluster.state !== 'joined') return
    const states: Record<string, EndpointState> = {}
    let isNews = false
    for (const { slot, name } of registry.snapshot.endpoints) {
      const state = this.#difference(slot, name)
      if (state === undefined) continue
      states[name] = state
      isNews = true
    }
    if (!isNews) return
    const message = JSON.stringify({ kind: 'endpoints', by: cluster.id, states })
    const whole = Object.keys(states).flatMap((name) => [name, JSON.stringify(this.#whole(name))])
    // A lost message is no loss of the request: the others see the same soon, or read it when they join again.
    cluster
      .runInBackground({
        script: announceScript,
        keys: [cluster.keys.state],
        args: [cluster.keys.news, message, ...whole],
      })
      .catch(() => undefined)
  }

  /** What has changed since it was last seen. */
  #difference(slot: number, name: string): EndpointState | undefined {
    const { clock, cluster, leads, registry } = this.#options
    const before = this.#seen.get(name)
    const now = this.#now(slot)
    this.#seen.set(name, now)
    if (before === undefined) return undefined
    const nowMs = clock.monotonicMs()
    const isStatus = now.status !== before.status && now.status !== 'unknown' && now.status !== 'rate_limited'
    const isCircuit =
      (now.openUntilMs === 0) !== (before.openUntilMs === 0) || isLater(now.openUntilMs, before.openUntilMs)
    const isPause = isLater(now.pausedUntilMs, before.pausedUntilMs) && now.pausedUntilMs > nowMs
    const models = this.#options.models?.difference(slot, name)
    if (!isStatus && !isCircuit && !isPause && models === undefined) return undefined
    return {
      by: cluster.id,
      ...(isStatus
        ? {
            status: now.status,
            reason: registry.statusDetail(slot).reason,
            isDoubtful: !isRoutable(now.status) && registry.mayAnswer(slot),
            isLed: leads(slot),
          }
        : {}),
      ...(isCircuit ? { openForMs: left(now.openUntilMs, nowMs) } : {}),
      ...(isPause ? { pauseMs: left(now.pausedUntilMs, nowMs) } : {}),
      ...(models === undefined ? {} : { models }),
    }
  }

  #whole(name: string): EndpointState {
    const { clock, cluster, leads, registry } = this.#options
    const slot = registry.snapshot.byName.get(name)?.slot ?? 0
    const { status, openUntilMs, pausedUntilMs } = this.#now(slot)
    const nowMs = clock.monotonicMs()
    const models = this.#options.models?.whole(slot)
    return {
      by: cluster.id,
      status,
      reason: registry.statusDetail(slot).reason,
      isDoubtful: !isRoutable(status) && registry.mayAnswer(slot),
      isLed: leads(slot),
      openForMs: left(openUntilMs, nowMs),
      pauseMs: left(pausedUntilMs, nowMs),
      ...(models === undefined ? {} : { models }),
    }
  }

  #now(slot: number): Seen {
    const { breakers, clock, pausedUntilMs, registry } = this.#options
    const breaker = breakers.get(slot)
    return {
      status: registry.health(slot),
      openUntilMs: breaker.state === 'closed' ? 0 : Math.max(1, clock.monotonicMs() + breaker.retryInMs()),
      pausedUntilMs: pausedUntilMs[slot] ?? 0,
    }
  }

  #apply(name: string, state: EndpointState): void {
    const { breakers, clock, pausedUntilMs, registry } = this.#options
    const slot = registry.snapshot.byName.get(name)?.slot
    if (slot === undefined || !this.#isRunning) return
    if (state.status !== undefined) this.#applyStatus(slot, state)
    if (state.openForMs !== undefined) {
      const breaker = breakers.get(slot)
      if (state.openForMs === 0) breaker.recover()
      else breaker.adopt(state.openForMs, `seen by replica ${state.by}`)
    }
    if (state.pauseMs !== undefined && state.pauseMs > 0) {
      // The longest deadline wins.
      pausedUntilMs[slot] = Math.max(pausedUntilMs[slot] ?? 0, clock.monotonicMs() + state.pauseMs)
    }
    if (state.models !== undefined) this.#options.models?.apply(slot, name, state.models, state.by)
    this.#seen.set(name, this.#now(slot))
  }

  #applyStatus(
    slot: number,
    { by, status: given, reason = '', isDoubtful = false, isLed = false }: EndpointState,
  ): void {
    const { checker, leads, registry } = this.#options
    const status = endpointStatuses.find((each) => each === given)
    if (status === undefined || status === 'unknown' || status === registry.health(slot)) return
    const isGood = isRoutable(status)
    // What a replica that does not probe for all has seen is evidence; the one that does decides.
    if (isGood && !isLed) return
    checker.adopt(slot, status, `seen by replica ${by}: ${reason}`, isDoubtful)
    if (leads(slot)) void checker.probeNow(slot)
  }
}

function isLater(untilMs: number, beforeMs: number): boolean {
  return untilMs > beforeMs + marginMs
}

function left(untilMs: number, nowMs: number): number {
  return untilMs === 0 ? 0 : Math.max(0, Math.round(untilMs - nowMs))
}

/** What is left of it after some time. */
function aged(state: EndpointState, ageMs: number): EndpointState {
  const { openForMs, pauseMs, models, ...rest } = state
  const agedModels = Object.entries(models ?? {}).map(([model, each]) => [model, agedTimes(each, ageMs)])
  return {
    ...rest,
    ...agedTimes(state, ageMs),
    ...(models === undefined ? {} : { models: Object.fromEntries(agedModels) }),
  }
}

function agedTimes({ openForMs = 0, pauseMs = 0 }: ModelState, ageMs: number): ModelState {
  return {
    ...(openForMs > ageMs ? { openForMs: openForMs - ageMs } : {}),
    ...(pauseMs > ageMs ? { pauseMs: pauseMs - ageMs } : {}),
  }
}

function parse(text: string): EndpointState | undefined {
  try {
    const state: unknown = JSON.parse(text)
    // Replicas of one schema version write this form.
    return typeof state === 'object' && state !== null && 'by' in state ? (state as EndpointState) : undefined
  } catch {
    return undefined
  }
}
