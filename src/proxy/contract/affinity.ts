import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RelayedAnswer, RelayObserver } from './answer-observer.ts'
import type { ExchangeRequest } from './exchange-request.ts'

/** Keeps requests that belong together on one endpoint. */
export interface Affinity {
  /**
   * Which endpoint is to be asked next; before the selector, each time an endpoint is chosen. A candidate that cannot take
   * the request now is passed over.
   * @param excluded slots that have been tried
   */
  prefer(
    request: ExchangeRequest,
    candidates: readonly RoutedEndpoint[],
    excluded: ReadonlySet<number> | undefined,
  ): RoutedEndpoint | undefined
  /** An endpoint's answer, good or bad, is what the client gets; its head has not been written. */
  answered(request: ExchangeRequest, target: RoutedEndpoint, statusCode: number): void
  /** As `AnswerServices.observe`. */
  observe?(answer: RelayedAnswer): RelayObserver | undefined
}
