import type { RoutedEndpoint } from '../models/router.ts'
import type { EndpointLoad } from './selector.ts'

/**
 * Replaces an endpoint that would have to load the model with one that has it in memory, unless that one has a lower
 * priority or is much busier.
 * @param choose chooses one of some candidates
 * @param margin maximum additional requests that it may have
 */
export function preferWarm(
  chosen: RoutedEndpoint,
  candidates: readonly RoutedEndpoint[],
  choose: (candidates: readonly RoutedEndpoint[]) => RoutedEndpoint | undefined,
  load: Pick<EndpointLoad, 'inFlight'>,
  margin: number,
): RoutedEndpoint {
  if (chosen.isWarm !== false || !candidates.some(({ isWarm }) => isWarm)) return chosen
  const { priority, slot } = chosen.endpoint
  const best = choose(candidates.filter(({ endpoint, isWarm }) => isWarm && endpoint.priority >= priority))
  if (best === undefined) return chosen
  return load.inFlight(best.endpoint.slot) - load.inFlight(slot) <= margin ? best : chosen
}
