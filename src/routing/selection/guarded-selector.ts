import type { Candidate, EndpointLoad, EndpointSelector, RequestFeatures } from './selector.ts'

type Excluded = ReadonlySet<number> | undefined

/**
 * Wraps a host's selector so that it cannot break a request: if it throws or chooses an unavailable candidate, another
 * selector chooses.
 * @param onError receives what it threw
 */
export function guardedSelector(
  own: EndpointSelector,
  other: EndpointSelector,
  load: EndpointLoad,
  onError: (error: unknown) => void,
): EndpointSelector {
  const peek = own.peek?.bind(own)
  const isSelectable = (candidate: Candidate, excluded: Excluded) =>
    excluded?.has(candidate.endpoint.slot) !== true && load.admits(candidate)
  return {
    strategy: own.strategy,
    ...(own.weighsLoading === undefined ? {} : { weighsLoading: own.weighsLoading }),
    select(candidates, excluded, features) {
      try {
        const chosen = own.select(candidates, excluded, features)
        if (chosen === undefined || isSelectable(chosen, excluded)) return chosen
      } catch (error) {
        onError(error)
      }
      return other.select(candidates, excluded, features)
    },
    ...(peek === undefined
      ? {}
      : {
          peek<C extends Candidate>(
            candidates: readonly C[],
            excluded: Excluded,
            features?: RequestFeatures,
          ): C | undefined {
            try {
              return peek(candidates, excluded, features)
            } catch (error) {
              onError(error)
              return undefined
            }
          },
        }),
  }
}
