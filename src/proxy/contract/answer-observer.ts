import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { AnswerObserver } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RequestContext } from './context.ts'
import type { RequestOutcome } from './outcome.ts'

/** An answer that a client is about to get, as the endpoint gives it. */
export interface RelayedAnswer {
  readonly context: RequestContext
  readonly target: RoutedEndpoint
  readonly head: UpstreamHead
  /** That the endpoint was asked for, without its base path. */
  readonly path: string
}

/** Reads one answer to its end. */
export interface RelayObserver extends AnswerObserver {
  /** Called once, when the request is over and not yet counted: the context may still be completed. */
  end(outcome: RequestOutcome): void
}

/** Makes the reader of an answer; undefined where none is needed. Called once per relayed answer. */
export type ObserveAnswer = (answer: RelayedAnswer) => RelayObserver | undefined
