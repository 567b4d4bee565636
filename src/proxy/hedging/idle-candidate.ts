import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { RoutedEndpoint, RoutingOutcome } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { PlaceLimits } from '../../routing/selection/place-limits.ts'
import type { EndpointSelector } from '../../routing/selection/selector.ts'
import type { TakenEndpoint } from '../exchange/candidate-rounds.ts'
import type { HedgeBudget } from './hedge-budget.ts'
import type { HedgeRefusal } from './hedge-cells.ts'

/** Services that choosing the endpoint of a second attempt uses. */
export interface IdleServices {
  readonly load: Pick<LiveLoad, 'inFlight' | 'penalty' | 'admits'>
  readonly queue: Pick<WaitingLine, 'waiting'>
  readonly selector: Pick<EndpointSelector, 'select'>
  readonly breakers: Pick<CircuitBreakers, 'acquire' | 'release' | 'isTrialDue'>
  readonly inFlight: Pick<Gauge, 'acquire' | 'release' | 'value'>
  readonly places?: Pick<PlaceLimits, 'acquire'> | undefined
}

/** What only the hedging of a gateway knows. */
export interface IdleRules {
  /** Requests in the engine of an endpoint, running or waiting, that this gateway did not send; NaN if unknown. */
  readonly others: (slot: number) => number
  readonly budget: Pick<HedgeBudget, 'spend'>
}

/** Takes a place on an idle endpoint that has the model in memory, or returns why there is none. */
export function takeIdle(
  services: IdleServices,
  { others, budget }: IdleRules,
  { tiers }: Pick<RoutingOutcome, 'tiers'>,
  first: RoutedEndpoint,
): TakenEndpoint | HedgeRefusal {
  const { queue, selector, load, breakers } = services
  // A request that waits has more right to the place.
  if (queue.waiting > 0) return 'line'
  const tier = tiers.find(({ candidates }) => candidates.includes(first))
  const idle = tier?.candidates.filter(isIdle)
  const target = idle === undefined || idle.length === 0 ? undefined : selector.select(idle, undefined)
  if (target === undefined) return 'not_idle'
  if (!budget.spend()) return 'budget'
  return takePlace(services, target) ?? 'not_idle'

  function isIdle(candidate: RoutedEndpoint): boolean {
    const { endpoint, isWarm } = candidate
    return (
      isWarm === true &&
      endpoint.slot !== first.endpoint.slot &&
      endpoint.priority >= first.endpoint.priority &&
      load.inFlight(endpoint.slot) === 0 &&
      load.penalty(candidate) === 0 &&
      load.admits(candidate) &&
      // The one trial of a half-open circuit must show something, which an attempt that is aborted does not.
      !breakers.isTrialDue(candidate) &&
      !(others(endpoint.slot) > 0)
    )
  }
}

/** @returns undefined if another request was faster */
function takePlace(
  { breakers, inFlight, places }: IdleServices,
  target: RoutedEndpoint,
): TakenEndpoint | undefined {
  const permit = breakers.acquire(target)
  if (permit === 'refused') return undefined
  const { slot, maxConcurrent } = target.endpoint
  const isTaken =
    permit === 'closed' &&
    (places === undefined
      ? inFlight.acquire(slot, maxConcurrent)
      : places.acquire(inFlight, slot, maxConcurrent))
  if (isTaken) return { target, permit }
  breakers.release(target, permit)
  return undefined
}
