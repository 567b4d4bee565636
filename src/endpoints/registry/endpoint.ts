import type { ModelFilterRules } from '../../kernel/names/name-filter.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import type { BreakerPolicy } from './breaker-policy.ts'

/** Time limits of the stages of one attempt, in milliseconds; 0 switches a limit off. */
export interface StageTimeouts {
  readonly connectMs: number
  readonly tlsMs: number
  /** From the request being sent to the first byte of the answer's body. */
  readonly firstByteMs: number
  /** Between two chunks of the answer. */
  readonly idleMs: number
  /** The whole request, all attempts together. */
  readonly totalMs: number
}

/**
 * One inference server, as configured: immutable. What changes at run time (status, in-flight, breaker,
 * counters) lives in cells under `slot`; a detected type gives a new `Endpoint` in a new snapshot.
 */
export interface Endpoint {
  /** Row in the shared cells; stable while the endpoint is configured. */
  readonly slot: number
  /** Base36 FNV-1a-32 of the sanitised URL, with `-N` on collision (contract 1.6). */
  readonly id: string
  readonly name: string
  /** The URL without credentials, query or fragment: safe to show. */
  readonly url: string
  /** `http://host:port`, what a connection pool connects to. */
  readonly origin: string
  /** Path of the URL without a trailing slash; '' for the root. */
  readonly basePath: string
  /** Whether `basePath` is put before the request's path. */
  readonly preservePath: boolean
  /** Query of the URL, without its `?`, which every request to the endpoint has; absent for none. */
  readonly query?: string | undefined
  /** As configured: a profile name, a prefix alias or `auto`. */
  readonly type: string
  /** The profile in force; undefined while `auto` has not found one. */
  readonly profile: BackendProfile | undefined
  readonly priority: number
  readonly weight: number
  /** Most requests at a time; 0 is no limit. */
  readonly maxConcurrent: number
  /** Absolute URL of the health probe. */
  readonly healthUrl: string
  /** Absolute URL of the model list. */
  readonly modelUrl: string
  /** Whether the configuration names the URL, so that a detected profile does not change it. */
  readonly ownHealthUrl: boolean
  readonly ownModelUrl: boolean
  readonly checkIntervalMs: number
  readonly checkTimeoutMs: number
  /** Failed probes in a row that take a routable endpoint out of service. */
  readonly unhealthyThreshold: number
  /** Static headers and outbound auth, flat name/value pairs in the order name, value, name, value. */
  readonly headers: readonly string[]
  /** Lower-case names of `headers`, with dashes for underscores: they never go back to a client. */
  readonly secretHeaderNames: ReadonlySet<string>
  /** Lower-case names of those `headers` that go only with inference and model lists. */
  readonly credentialNames: ReadonlySet<string>
  /** Whether operations that manage it are passed on. */
  readonly allowsManagement: boolean
  readonly modelFilter: ModelFilterRules
  readonly timeouts: StageTimeouts
  readonly breaker: BreakerPolicy
}
