import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RelayedAnswer, RelayObserver } from './answer-observer.ts'
import type { ExchangeRequest } from './exchange-request.ts'

/** Keeps related requests on one endpoint. */
export interface Affinity {
  /**
   * Returns the preferred next endpoint. Called before the selector, each time an endpoint is chosen; a candidate that
   * cannot accept the request now is skipped.
   * @param excluded slots that were tried already
   */
  prefer(
    request: ExchangeRequest,
    candidates: readonly RoutedEndpoint[],
    excluded: ReadonlySet<number> | undefined,
  ): RoutedEndpoint | undefined
  /** The client gets this endpoint's answer, whatever its status; its head is not written yet. */
  answered(request: ExchangeRequest, target: RoutedEndpoint, statusCode: number): void
  /** As `AnswerServices.observe`. */
  observe?(answer: RelayedAnswer): RelayObserver | undefined
}
