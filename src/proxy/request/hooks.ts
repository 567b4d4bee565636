import type { RoutedEndpoint, RoutingOutcome } from '../../routing/models/router.ts'
import type { RequestContext } from '../contract/context.ts'
import type { RequestOutcome } from '../contract/outcome.ts'

/** A request as hooks see it: read-only, and filled in as far as the request has got. */
export type HookedRequest = Readonly<RequestContext>

/** One attempt of a request on one endpoint; hooks get the same object at its start and its end. */
export interface HookedAttempt {
  /** Counts from 1. */
  readonly number: number
  /** The endpoint's configured name. */
  readonly endpoint: string
  /** Its URL without credentials. */
  readonly url: string
  /** Name of its profile, or the configured type if no profile is known. */
  readonly type: string
  /** The model's name at the endpoint; undefined if the client's own name is sent, or none. */
  readonly sentModel: string | undefined
}

/**
 * How an attempt ended: `answered` to the last byte (possibly with an error of the endpoint), `failed` and possibly
 * retried elsewhere, `abandoned` because its client disconnected.
 */
export interface AttemptEnd {
  readonly kind: 'answered' | 'failed' | 'abandoned'
  /** Undefined without an answer. */
  readonly statusCode: number | undefined
  /** Reason of the failure, safe to show; undefined if the attempt did not fail. */
  readonly reason: string | undefined
  readonly durationMs: number
}

/** Token counts that the endpoint reported; each undefined if not reported. */
export interface HookedUsage {
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

/**
 * Hooks around a request and its attempts. The gateway calls them synchronously while it handles the request, so they
 * must be fast; an error that a hook throws is logged and changes nothing.
 */
export interface RequestHooks {
  /** The model and the endpoints in scope are known; no endpoint is chosen yet. */
  onRoute?(request: HookedRequest, routing: RoutingOutcome): void
  /**
   * An attempt starts.
   * @returns flat name/value pairs to send to the endpoint in addition (for example `traceparent`)
   */
  onAttempt?(request: HookedRequest, attempt: HookedAttempt): readonly string[] | undefined
  onAttemptEnd?(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void
  /** The endpoint reported token counts; called just before `onResponse`. */
  onUsage?(request: HookedRequest, usage: HookedUsage): void
  /** The request is over: answered, refused, broken or abandoned by its client. Called once. */
  onResponse?(request: HookedRequest, outcome: RequestOutcome): void
}

type HookName = keyof RequestHooks

/** All hooks of a gateway. A hook type without functions costs one comparison per request. */
export class RequestHookList {
  readonly #onError: (error: unknown, hook: HookName) => void
  #all: readonly RequestHooks[] = []
  /** Whether any hook observes attempts; otherwise no `HookedAttempt` is created. */
  watchesAttempts = false

  constructor(onError: (error: unknown, hook: HookName) => void) {
    this.#onError = onError
  }

  /** @returns a function that removes the hooks */
  add(hooks: RequestHooks): () => void {
    this.#set([...this.#all, hooks])
    return () => this.#set(this.#all.filter((each) => each !== hooks))
  }

  routed(request: HookedRequest, routing: RoutingOutcome): void {
    for (const hooks of this.#all) {
      try {
        hooks.onRoute?.(request, routing)
      } catch (error) {
        this.#onError(error, 'onRoute')
      }
    }
  }

  /** @returns headers to send to the endpoint in addition; empty for none */
  attemptBegins(request: HookedRequest, attempt: HookedAttempt): readonly string[] {
    const headers: string[] = []
    for (const hooks of this.#all) {
      try {
        const own = hooks.onAttempt?.(request, attempt)
        if (own !== undefined) headers.push(...own)
      } catch (error) {
        this.#onError(error, 'onAttempt')
      }
    }
    return headers
  }

  attemptEnds(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void {
    for (const hooks of this.#all) {
      try {
        hooks.onAttemptEnd?.(request, attempt, end)
      } catch (error) {
        this.#onError(error, 'onAttemptEnd')
      }
    }
  }

  over(request: HookedRequest, outcome: RequestOutcome): void {
    if (this.#all.length === 0) return
    const { promptTokens, completionTokens } = request
    const isCounted = promptTokens !== undefined || completionTokens !== undefined
    for (const hooks of this.#all) {
      try {
        if (isCounted && hooks.onUsage !== undefined)
          hooks.onUsage(request, { promptTokens, completionTokens })
      } catch (error) {
        this.#onError(error, 'onUsage')
      }
      try {
        hooks.onResponse?.(request, outcome)
      } catch (error) {
        this.#onError(error, 'onResponse')
      }
    }
  }

  #set(all: readonly RequestHooks[]): void {
    this.#all = all
    this.watchesAttempts = all.some(
      ({ onAttempt, onAttemptEnd }) => onAttempt !== undefined || onAttemptEnd !== undefined,
    )
  }
}

/** @param number counts from 1 */
export function hookedAttempt(number: number, { endpoint, sentModel }: RoutedEndpoint): HookedAttempt {
  const { name, url, type, profile } = endpoint
  return { number, endpoint: name, url, type: profile?.name ?? type, sentModel }
}
