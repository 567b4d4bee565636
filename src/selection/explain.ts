import type { RoutedEndpoint, RoutingOutcome } from '../model/router.ts'
import type { CircuitBreakers } from '../resilience/circuit-breakers.ts'
import type { LiveLoad } from './live-load.ts'
import { connectionCost } from './strategies.ts'

/** What a routing decision looked at, for one endpoint. */
export interface EndpointExplanation {
  readonly endpoint: string
  readonly chosen: boolean
  /** Why it was chosen, or why not. */
  readonly reason: string
  readonly native_model: string | null
  readonly status: string
  readonly circuit: string
  readonly priority: number
  readonly weight: number
  /** Part of the weight that counts now, 0 to 1. */
  readonly share: number
  readonly in_flight: number
  readonly max_concurrent: number
  /** Requests that recent failures count for. */
  readonly failure_penalty: number
  /** In memory; null where nobody tells. */
  readonly warm: boolean | null
  /** What least-connections compares: the lowest of the highest tier wins. Null where it could not be chosen. */
  readonly cost: number | null
}

export interface Explanation {
  readonly model: string | null
  readonly strategy: string | null
  readonly decision: string
  readonly reason: string
  readonly balancer: string
  readonly chosen: string | null
  readonly endpoints: readonly EndpointExplanation[]
}

/**
 * Tells why a request would go where it would go, without sending it.
 * @param chosen what the selector takes at this moment
 */
export function explain(
  asked: { model: string | undefined; balancer: string; tiers: boolean },
  outcome: RoutingOutcome,
  chosen: RoutedEndpoint | undefined,
  state: { load: LiveLoad; breakers: CircuitBreakers },
): Explanation {
  const { load, breakers } = state
  const bySlot = new Map(outcome.candidates.map((candidate) => [candidate.endpoint.slot, candidate]))
  const endpoints = load.registry.snapshot.endpoints.map((endpoint): EndpointExplanation => {
    const { slot, name, priority, weight, maxConcurrent } = endpoint
    const candidate = bySlot.get(slot)
    const share = load.share(slot)
    const inFlight = load.inFlight(slot)
    const penalty = load.penalty(slot)
    const canTake = candidate !== undefined && load.admits(endpoint)
    return {
      endpoint: name,
      chosen: slot === chosen?.endpoint.slot,
      reason: reasonFor(slot),
      native_model: candidate?.nativeModel ?? null,
      status: load.registry.status(slot),
      circuit: breakers.get(slot).state,
      priority,
      weight,
      share: Math.round(share * 100) / 100,
      in_flight: inFlight,
      max_concurrent: maxConcurrent,
      failure_penalty: Math.round(penalty * 100) / 100,
      warm: candidate?.isWarm ?? null,
      cost: canTake && weight * share > 0 ? Math.round(connectionCost(endpoint, load) * 100) / 100 : null,
    }

    function reasonFor(which: number): string {
      if (which === chosen?.endpoint.slot) return 'chosen'
      const { status, reason } = load.registry.statusDetail(which)
      if (!load.registry.isRoutable(which)) return `${status}: ${reason}`
      if (candidate === undefined)
        return asked.model === undefined ? 'not in scope' : 'does not have the model, or is not in scope'
      if (!breakers.get(which).wouldAdmit())
        return `circuit ${breakers.get(which).state}: ${breakers.get(which).snapshot().reason}`
      if (load.coolDowns.leftMs(which) > 0)
        return `asked for a pause of ${Math.ceil(load.coolDowns.leftMs(which))} ms more`
      if (load.isFull(endpoint)) return 'at its limit of concurrent requests'
      if (asked.tiers && chosen !== undefined && priority < chosen.endpoint.priority)
        return 'a higher priority can take it'
      return 'another one comes first now'
    }
  })
  return {
    model: asked.model ?? null,
    strategy: outcome.strategy ?? null,
    decision: outcome.decision,
    reason: outcome.reason,
    balancer: asked.balancer,
    chosen: chosen?.endpoint.name ?? null,
    endpoints,
  }
}
