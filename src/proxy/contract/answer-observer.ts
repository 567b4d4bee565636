import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { AnswerObserver } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RequestContext } from './context.ts'
import type { RequestOutcome } from './outcome.ts'

/** An endpoint's answer, before the gateway relays it to the client. */
export interface RelayedAnswer {
  readonly context: RequestContext
  readonly target: RoutedEndpoint
  readonly head: UpstreamHead
  /** Path of the upstream request, without the endpoint's base path. */
  readonly path: string
}

/** Observes one answer to its end. */
export interface RelayObserver extends AnswerObserver {
  /** Called once, when the request is over and before it is counted: the observer may still complete the context. */
  end(outcome: RequestOutcome): void
}

/** Creates the observer of an answer, or returns undefined if none is needed. Called once per relayed answer. */
export type ObserveAnswer = (answer: RelayedAnswer) => RelayObserver | undefined
