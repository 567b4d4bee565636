import type { GatewayError } from '../../kernel/errors.ts'
import { pathError } from '../../routing/models/rejection.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { pathNotServed } from '../../routing/models/tiers.ts'
import { errorMessageOf, type LackingAnswer } from '../answer/lacking-answer.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { withoutModel } from '../request/missing-model.ts'
import { noteRoute } from '../request/routing-headers.ts'
import type { Attempt } from './attempt.ts'

/** Learns what endpoints lack, so that later requests avoid them. */
export interface LackKnowledge {
  /** @param words the endpoint's message, safe to show; '' without one */
  path(target: RoutedEndpoint, path: string, serves: boolean, message?: string): void
  /** An endpoint reports that it does not have a model that its list contains. */
  model(slot: number): void
}

/** Whether the endpoint was tried without knowing that it has the model, while others are known to have it. */
export function isGuess(
  { target }: Attempt,
  { missing }: LackingAnswer,
  { routing }: ExchangeRequest,
): boolean {
  return missing === 'model' && target.nativeModel === undefined && routing.knowledge === 'found'
}

/** What the endpoints of one request reported as missing. */
export class RequestLack {
  readonly #knowledge: LackKnowledge | undefined
  readonly #request: ExchangeRequest
  #paths: { readonly attempt: Attempt; readonly message: string }[] | undefined

  constructor(knowledge: LackKnowledge | undefined, request: ExchangeRequest) {
    this.#knowledge = knowledge
    this.#request = request
  }

  add(attempt: Attempt, { missing, path, message }: LackingAnswer): void {
    const { target } = attempt
    const { endpoint, nativeModel } = target
    if (missing === 'path') {
      // The endpoint may reject the query, for example an API version in it.
      if (this.#request.query === '') this.#knowledge?.path(target, path, false, message)
      this.#paths ??= []
      this.#paths.push({ attempt, message })
    } else if (missing === 'model' && nativeModel !== undefined) {
      this.#knowledge?.model(endpoint.slot)
    }
  }

  /** A success status with an error body that says that the path does not exist. */
  addPath(attempt: Attempt, body: Buffer | undefined): void {
    const path = attempt.variant?.path ?? this.#request.path
    const message = body === undefined ? '' : errorMessageOf(body.toString())
    this.add(attempt, { missing: 'path', failure: { kind: 'path_missing' }, path, message })
  }

  /** Whether an attempt showed that its endpoint does not have the path. */
  isOfPath(attempt: Attempt): boolean {
    return this.#paths?.some((each) => each.attempt === attempt) === true
  }

  /** The error for a request whose path no endpoint has; undefined if some attempt failed otherwise. */
  error(): GatewayError | undefined {
    const paths = this.#paths
    const { context, path, routing, mode } = this.#request
    if (paths === undefined || paths.length < context.attemptCount) return undefined
    const untranslatable = paths.find(({ attempt }) => attempt.variant?.untranslatable?.error !== undefined)
    if (untranslatable !== undefined) return untranslatable.attempt.variant?.untranslatable?.error
    const messages = new Map(paths.map(({ attempt, message }) => [attempt.target.endpoint, message]))
    const endpoints = [...messages.keys(), ...(routing.lackPath ?? [])]
    noteRoute(context, { strategy: context.routingStrategy, decision: 'rejected', reason: pathNotServed })
    const error = pathError(endpoints, {
      model: context.model,
      path,
      errorMessageOf: (endpoint) => messages.get(endpoint),
    })
    return withoutModel(error, mode !== undefined, context.model)
  }
}
