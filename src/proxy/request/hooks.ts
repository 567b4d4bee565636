import type { RoutedEndpoint, RoutingOutcome } from '../../routing/models/router.ts'
import type { RequestContext } from '../contract/context.ts'
import type { RequestOutcome } from '../contract/outcome.ts'

/** A request as hooks see it: complete as far as the request has come, and not theirs to change. */
export type HookedRequest = Readonly<RequestContext>

/** One try of a request on one endpoint; the same object at its begin and its end. */
export interface HookedAttempt {
  /** Counts from 1. */
  readonly number: number
  /** The endpoint's configured name. */
  readonly endpoint: string
  /** Its URL without credentials. */
  readonly url: string
  /** Its profile's name, or the configured type where none is known. */
  readonly type: string
  /** The model's name there; undefined where the client's own is sent, or none. */
  readonly sentModel: string | undefined
}

/**
 * How an attempt ended: `answered` to the last byte (which may be an error of the endpoint's), `failed` and
 * perhaps repeated elsewhere, `abandoned` because its client has gone.
 */
export interface AttemptEnd {
  readonly kind: 'answered' | 'failed' | 'abandoned'
  /** Undefined where no answer came. */
  readonly statusCode: number | undefined
  /** Why it failed, fit to be shown; undefined where it did not. */
  readonly reason: string | undefined
  readonly durationMs: number
}

/** Token counts that the endpoint reported; undefined where it did not. */
export interface HookedUsage {
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

/**
 * What runs around a request and its attempts. All are called synchronously on the request's way, so they must
 * be quick; one that throws is logged and changes nothing.
 */
export interface RequestHooks {
  /** The model is known and so are the endpoints in scope; none has been chosen. */
  onRoute?(request: HookedRequest, routing: RoutingOutcome): void
  /**
   * A try begins.
   * @returns flat name/value pairs that the endpoint is sent in addition (say, `traceparent`)
   */
  onAttempt?(request: HookedRequest, attempt: HookedAttempt): readonly string[] | undefined
  onAttemptEnd?(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void
  /** The endpoint reported token counts; right before `onResponse`. */
  onUsage?(request: HookedRequest, usage: HookedUsage): void
  /** The request is over: answered, refused, broken or left by its client. Called once. */
  onResponse?(request: HookedRequest, outcome: RequestOutcome): void
}

type HookName = keyof RequestHooks

/** All hooks of a gateway. With none of a kind, that kind costs one comparison per request. */
export class RequestHookList {
  readonly #onError: (error: unknown, hook: HookName) => void
  #all: readonly RequestHooks[] = []
  /** Whether anybody wants to know of attempts: else nothing is made for them. */
  watchesAttempts = false

  constructor(onError: (error: unknown, hook: HookName) => void) {
    this.#onError = onError
  }

  /** @returns a function that takes them out again */
  add(hooks: RequestHooks): () => void {
    this.#set([...this.#all, hooks])
    return () => this.#set(this.#all.filter((each) => each !== hooks))
  }

  routed(request: HookedRequest, routing: RoutingOutcome): void {
    for (const hooks of this.#all) {
      if (hooks.onRoute !== undefined) this.#run('onRoute', () => hooks.onRoute?.(request, routing))
    }
  }

  /** @returns headers that the endpoint is sent in addition; empty for none */
  attemptBegins(request: HookedRequest, attempt: HookedAttempt): readonly string[] {
    const headers: string[] = []
    for (const hooks of this.#all) {
      this.#run('onAttempt', () => {
        const own = hooks.onAttempt?.(request, attempt)
        if (own !== undefined) headers.push(...own)
      })
    }
    return headers
  }

  attemptEnds(request: HookedRequest, attempt: HookedAttempt, end: AttemptEnd): void {
    for (const hooks of this.#all)
      this.#run('onAttemptEnd', () => hooks.onAttemptEnd?.(request, attempt, end))
  }

  over(request: HookedRequest, outcome: RequestOutcome): void {
    if (this.#all.length === 0) return
    const { promptTokens, completionTokens } = request
    const isCounted = promptTokens !== undefined || completionTokens !== undefined
    for (const hooks of this.#all) {
      if (isCounted && hooks.onUsage !== undefined)
        this.#run('onUsage', () => hooks.onUsage?.(request, { promptTokens, completionTokens }))
      this.#run('onResponse', () => hooks.onResponse?.(request, outcome))
    }
  }

  #set(all: readonly RequestHooks[]): void {
    this.#all = all
    this.watchesAttempts = all.some(
      ({ onAttempt, onAttemptEnd }) => onAttempt !== undefined || onAttemptEnd !== undefined,
    )
  }

  #run(hook: HookName, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#onError(error, hook)
    }
  }
}

/** @param number counts from 1 */
export function hookedAttempt(number: number, { endpoint, sentModel }: RoutedEndpoint): HookedAttempt {
  const { name, url, type, profile } = endpoint
  return { number, endpoint: name, url, type: profile?.name ?? type, sentModel }
}
