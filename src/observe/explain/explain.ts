import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { HedgeOutlook } from '../../proxy/hedging/hedging.ts'
import type { SessionKey } from '../../routing/affinity/key-sources.ts'
import type { SessionAffinity, SessionDecision } from '../../routing/affinity/session-affinity.ts'
import type { Estimate } from '../../routing/estimate/estimate.ts'
import type { RoutedEndpoint, RoutingOutcome, ServedRoute, Tier } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { EndpointSelector, RequestFeatures } from '../../routing/selection/selector.ts'
import { connectionCost } from '../../routing/selection/strategies.ts'
import { preferWarm } from '../../routing/selection/warm-preference.ts'
import type { EngineView } from '../views/engine.ts'
import { estimateView } from '../views/estimate.ts'
import { explainSession, sessionReasonText } from './explain-session.ts'
import type { EndpointExplanation, Explanation } from './explanation.ts'

/** The gateway's deciding parts. */
export interface ExplainedState {
  readonly load: LiveLoad
  readonly breakers: CircuitBreakers
  readonly selector: EndpointSelector
  readonly affinity: SessionAffinity | undefined
  /** Whether lower priorities get traffic only if no higher one can take it. */
  readonly tiers: boolean
  readonly warmMargin: number
  /** The estimate of the time to the first token; undefined unless it is used. */
  readonly estimateOf?: ((candidate: RoutedEndpoint) => Estimate) | undefined
  /** Whether an endpoint would be asked for a stream that the client does not request. */
  readonly isStreamedAt?: ((candidate: RoutedEndpoint) => boolean) | undefined
  /** What the engine of an endpoint reports. */
  readonly engineOf?: ((endpoint: Endpoint) => EngineView | undefined) | undefined
  /** When requests for a model get a second attempt; undefined while hedging is off. */
  readonly hedgingOf?: ((model: string) => HedgeOutlook) | undefined
  /** How a request would be translated for an endpoint; undefined if it is sent as it is. */
  readonly translationOf?: ((candidate: RoutedEndpoint) => string | undefined) | undefined
}

export interface ExplainInput {
  readonly model: string | undefined
  readonly outcome: RoutingOutcome
  /** Candidates before the request's needs narrowed them. */
  readonly serving: readonly RoutedEndpoint[]
  readonly wouldRefresh: boolean
  /** Undefined if the request has none or sessions are disabled. */
  readonly sessionKey: SessionKey | undefined
  /** What the selector may know of the request. */
  readonly features?: RequestFeatures | undefined
}

/**
 * Explains where a request would go and why, without sending it or advancing a rotation. Cannot explain a host's
 * selector without `peek`.
 */
export function explain(input: ExplainInput, state: ExplainedState): Explanation {
  const { model, outcome, serving, wouldRefresh, sessionKey } = input
  const { load, breakers, tiers, affinity, selector } = state
  const { tier, decision, chosen, isLastResort } = firstTier(input, state)
  const candidates = tier?.candidates ?? []
  const route = routeOf(outcome, tier, chosen, state)
  const isOpen = decision?.target === undefined && selector.peek === undefined
  const bySlot = new Map<number, RoutedEndpoint>()
  // Show an endpoint of two tiers with the model of the tier that would serve, else with its first.
  for (const candidate of [...candidates, ...outcome.tiers.flatMap((each) => each.candidates)]) {
    if (!bySlot.has(candidate.endpoint.slot)) bySlot.set(candidate.endpoint.slot, candidate)
  }
  const endpoints = load.registry.snapshot.endpoints.map((endpoint): EndpointExplanation => {
    const { slot, name, priority, weight, maxConcurrent } = endpoint
    const candidate = bySlot.get(slot)
    const share = load.share(slot)
    const inFlight = load.inFlight(slot)
    const penalty = load.penalty(candidate ?? { endpoint })
    const canAccept = candidate !== undefined && load.admits(candidate)
    return {
      endpoint: name,
      chosen: slot === chosen?.endpoint.slot,
      reason: reasonFor(),
      translation: candidate === undefined ? null : (state.translationOf?.(candidate) ?? null),
      streamed_upstream: candidate !== undefined && state.isStreamedAt?.(candidate) === true,
      native_model: candidate?.nativeModel ?? null,
      status: load.registry.status(slot),
      circuit: breakers.deciding(candidate ?? { endpoint }).state,
      priority,
      weight,
      share: Math.round(share * 100) / 100,
      in_flight: inFlight,
      max_concurrent: maxConcurrent,
      failure_penalty: Math.round(penalty * 100) / 100,
      warm: candidate?.isWarm ?? null,
      cost: canAccept && weight * share > 0 ? Math.round(connectionCost(candidate, load) * 100) / 100 : null,
      engine: state.engineOf?.(endpoint) ?? null,
      estimate:
        candidate === undefined || state.estimateOf === undefined
          ? null
          : estimateView(state.estimateOf(candidate)),
    }

    function reasonFor(): string {
      const ofSession = decision === undefined ? undefined : sessionReasonText(decision, slot)
      const isChosen = slot === chosen?.endpoint.slot
      if (isChosen && !isLastResort) return ofSession === undefined ? 'chosen' : `chosen: ${ofSession}`
      const opening = isChosen ? 'chosen as the last resort: ' : ''
      const { status, reason } = load.registry.statusDetail(slot)
      if (!load.registry.isRoutable(slot)) return `${opening}${status}: ${reason}`
      if (outcome.lackPath?.includes(endpoint)) return 'does not have the path'
      if (candidate === undefined) {
        if (serving.some((other) => other.endpoint.slot === slot)) return 'not known to support the request'
        return model === undefined ? 'not in scope' : 'does not have the model, or is not in scope'
      }
      const breaker = breakers.deciding(candidate)
      if (!breaker.wouldAdmit()) return `${opening}circuit ${breaker.state}: ${breaker.snapshot().reason}`
      const pauseMs = load.coolDowns.leftMs(candidate)
      if (pauseMs > 0) return `${opening}requested a pause of ${Math.ceil(pauseMs)} ms more`
      if (load.isFull(candidate)) return 'at its limit of concurrent requests'
      if (tiers && chosen !== undefined && priority < chosen.endpoint.priority)
        return 'a higher priority can serve it'
      if (ofSession !== undefined) return ofSession
      if (chosen !== undefined && !candidates.includes(candidate))
        return 'tried if the endpoints before it cannot answer'
      return isOpen ? 'the selector decides when a request arrives' : 'another one is preferred now'
    }
  })
  return {
    model: model ?? null,
    strategy: route.strategy ?? null,
    decision: route.decision,
    reason: route.reason,
    balancer: selector.strategy,
    chosen: chosen?.endpoint.name ?? null,
    would_refresh: wouldRefresh,
    session:
      affinity === undefined || decision === undefined
        ? null
        : explainSession(
            sessionKey,
            decision,
            candidates,
            affinity,
            (slot) => load.registry.snapshot.bySlot[slot]?.name,
          ),
    hedging:
      model === undefined || state.hedgingOf === undefined ? null : hedgingView(state.hedgingOf(model)),
    endpoints,
  }
}

function hedgingView({ delayMs, samples, budget }: HedgeOutlook): Explanation['hedging'] {
  return { after_ms: delayMs === undefined ? null : Math.round(delayMs * 10) / 10, samples, budget }
}

interface ChosenTier {
  readonly tier: Tier | undefined
  readonly decision: SessionDecision | undefined
  readonly chosen: RoutedEndpoint | undefined
  /** Whether the endpoint would serve only because nothing else can. */
  readonly isLastResort: boolean
}

/** The tier that would take the request, or the first tier if none can. */
function firstTier(
  { outcome: { tiers }, sessionKey, features }: ExplainInput,
  state: ExplainedState,
): ChosenTier {
  const { affinity, load, selector } = state
  let first: ChosenTier | undefined
  for (const tier of tiers) {
    const decision = affinity?.decide(sessionKey, tier.candidates, undefined, features)
    const chosen = decision?.target ?? selected(tier.candidates, features, state)
    first ??= { tier, decision, chosen, isLastResort: false }
    if (chosen !== undefined) return { tier, decision, chosen, isLastResort: false }
    if (!tier.spillsWhenFull && tier.candidates.some((candidate) => load.isFull(candidate))) return first
  }
  const canAccept = tiers.some((tier) =>
    tier.candidates.some((each) => load.admits(each) || load.isFull(each)),
  )
  for (const tier of canAccept || selector.peek === undefined ? [] : tiers) {
    const chosen = tier.candidates.find((candidate) => load.isLastResort(candidate))
    if (chosen !== undefined) return { tier, decision: first?.decision, chosen, isLastResort: true }
  }
  const decision = affinity?.decide(sessionKey, [], undefined)
  return first ?? { tier: undefined, decision, chosen: undefined, isLastResort: false }
}

/** Values of the routing headers. */
function routeOf(
  outcome: RoutingOutcome,
  tier: Tier | undefined,
  chosen: RoutedEndpoint | undefined,
  { load, selector }: ExplainedState,
): ServedRoute {
  if (chosen !== undefined) return tier?.route ?? outcome
  const mayWait =
    selector.peek === undefined ||
    outcome.tiers.some(({ candidates }) => candidates.some((candidate) => load.isFull(candidate)))
  if (mayWait || outcome.decision === 'rejected') return outcome
  const reason = outcome.strategy === undefined ? 'no_healthy_endpoints' : 'model_unavailable'
  return { strategy: outcome.strategy, decision: 'rejected', reason }
}

/** The choice of the selector without a session preference. */
function selected(
  candidates: readonly RoutedEndpoint[],
  features: RequestFeatures | undefined,
  { selector, load, warmMargin }: ExplainedState,
): RoutedEndpoint | undefined {
  const peek = (some: readonly RoutedEndpoint[]) => selector.peek?.(some, undefined, features)
  const chosen = peek(candidates)
  return chosen === undefined || selector.weighsLoading === true
    ? chosen
    : preferWarm(chosen, candidates, peek, load, warmMargin)
}
