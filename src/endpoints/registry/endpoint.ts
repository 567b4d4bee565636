import type { ModelFilterRules } from '../../kernel/names/name-filter.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import type { SignalSource } from '../signals/signal-source.ts'
import type { BreakerPolicy } from './breaker-policy.ts'

/** Time limits of the stages of one attempt, in milliseconds; 0 disables a limit. */
export interface StageTimeouts {
  readonly connectMs: number
  readonly tlsMs: number
  /** From sending the request to the first byte of the response body. */
  readonly firstByteMs: number
  /** Between two chunks of the response. */
  readonly idleMs: number
  /** The whole request with all attempts. */
  readonly totalMs: number
}

/** How the machine of an endpoint is woken. */
export interface EndpointWake {
  readonly mac: string
  readonly address: string
  readonly port: number
  /** Maximum time that a request waits. */
  readonly waitMs: number
  /** Minimum time between two packets. */
  readonly intervalMs: number
}

/** A source of signals of one endpoint. */
export interface EndpointSignals extends SignalSource {
  /** Absolute. */
  readonly url: string
}

/**
 * One inference server as configured; immutable. State that changes at run time (status, in-flight, breaker, counters)
 * is in cells at `slot`; a detected type produces a new `Endpoint` in a new snapshot.
 */
export interface Endpoint {
  /** Row in the shared cells; stable while the endpoint is configured. */
  readonly slot: number
  /** Base36 FNV-1a-32 of the sanitized URL, with `-N` after a collision (contract 1.6). */
  readonly id: string
  readonly name: string
  /** By which policies of callers name it. */
  readonly tags: readonly string[]
  /** The URL without credentials, query or fragment: safe to show. */
  readonly url: string
  /** `http://host:port`, for the connection pool. */
  readonly origin: string
  /** Path of the URL without a trailing slash; '' for the root. */
  readonly basePath: string
  /** Whether `basePath` precedes the request's path. */
  readonly preservePath: boolean
  /** Query of the URL without `?`, added to every request; absent if there is none. */
  readonly query?: string | undefined
  /** As configured: a profile name, a prefix alias or `auto`. */
  readonly type: string
  /** Current profile; undefined until `auto` has detected one. */
  readonly profile: BackendProfile | undefined
  readonly priority: number
  readonly weight: number
  /** Maximum in-flight requests; 0 means no limit. */
  readonly maxConcurrent: number
  /** Absolute URL of the health probe. */
  readonly healthUrl: string
  /** Absolute URL of the model list. */
  readonly modelUrl: string
  /** Whether the configuration sets the URL, so that a detected profile does not change it. */
  readonly ownHealthUrl: boolean
  readonly ownModelUrl: boolean
  readonly checkIntervalMs: number
  readonly checkTimeoutMs: number
  /** Consecutive failed probes after which a routable endpoint becomes unroutable. */
  readonly unhealthyThreshold: number
  /** Static headers and outbound credentials as flat name/value pairs. */
  readonly headers: readonly string[]
  /** Lower-case names of `headers`, with dashes for underscores; the gateway removes them from responses. */
  readonly secretHeaderNames: ReadonlySet<string>
  /** Lower-case names of `headers` that the gateway sends only with inference requests and model lists. */
  readonly credentialNames: ReadonlySet<string>
  /** Whether the gateway forwards management operations. */
  readonly allowsManagement: boolean
  readonly modelFilter: ModelFilterRules
  /** Where the engine reports its load; empty if nowhere. */
  readonly signals: readonly EndpointSignals[]
  /** Whether the configuration sets them, so that a detected profile does not change them. */
  readonly ownSignals: boolean
  /** Absent if its machine cannot be woken. */
  readonly wake?: EndpointWake | undefined
  readonly timeouts: StageTimeouts
  readonly breaker: BreakerPolicy
}
