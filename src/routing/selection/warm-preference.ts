import type { RoutedEndpoint } from '../models/router.ts'
import type { EndpointLoad } from './selector.ts'

/**
 * Instead of an endpoint that would have to load the model first, one that holds it in memory, unless that one
 * is of a lower priority or too much busier.
 * @param choose which one a selector takes of these
 * @param margin how many requests more it may have
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
