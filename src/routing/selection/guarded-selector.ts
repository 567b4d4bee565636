import type { Candidate, EndpointLoad, EndpointSelector } from './selector.ts'

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
    select(candidates, excluded) {
      try {
        const chosen = own.select(candidates, excluded)
        if (chosen === undefined || isSelectable(chosen, excluded)) return chosen
      } catch (error) {
        onError(error)
      }
      return other.select(candidates, excluded)
    },
    ...(peek === undefined
      ? {}
      : {
          peek<C extends Candidate>(candidates: readonly C[], excluded: Excluded): C | undefined {
            try {
              return peek(candidates, excluded)
            } catch (error) {
              onError(error)
              return undefined
            }
          },
        }),
  }
}
