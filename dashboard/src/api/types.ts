/**
 * The shapes of `docs/internal-api.md`. What the gateway has a schema for is taken from there, so that a change
 * of an answer breaks this build; the page imports nothing else from the server, and never code.
 */
import type { Explanation } from '../../../src/selection/explanation.ts'
import type { Sample } from '../../../src/stats/sample.ts'
import type { EndpointsView } from '../../../src/stats/views/endpoints.ts'
import type { ModelStatsView } from '../../../src/stats/views/model-stats.ts'
import type { ModelsView } from '../../../src/stats/views/models.ts'
import type { StatusView } from '../../../src/stats/views/status.ts'

export type { EndpointsView, Explanation, ModelStatsView, ModelsView, Sample, StatusView }

export type EndpointRow = EndpointsView['endpoints'][number]
export type EndpointStatus = EndpointRow['status']
export type BreakerState = EndpointRow['breaker']['state']
export type ModelItem = ModelsView['recent_models'][number]
export type ModelStatsRow = ModelStatsView['models'][number]

/** First message of a connection to `/internal/events`. */
export interface Hello {
  readonly version: string
  readonly started_at: string
  readonly now: string
  readonly threads: number
  readonly engine: string
  readonly balancer: string
  readonly profile: string
  readonly sample_interval_ms: number
  readonly features: {
    readonly cancel: boolean
    readonly playground: boolean
    readonly recent_requests: number
    readonly login: boolean
  }
  readonly last_event_id: string | null
  readonly event_types: readonly string[]
}

export interface GatewayEvent {
  readonly id: string
  readonly type: string
  readonly at: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface SamplesView {
  readonly sample_interval_ms: number
  readonly samples: readonly Sample[]
}

/** A message of `/internal/events`. */
export type FeedMessage =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'event'; readonly event: GatewayEvent }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'gap'; readonly reason: string; readonly missed: number | null }
  | { readonly kind: 'bye'; readonly reason: string }

export interface Routing {
  readonly strategy: string
  readonly decision: string
  readonly reason: string
}

export type Phase = 'choosing' | 'queued' | 'backoff' | 'connecting' | 'waiting' | 'relaying' | 'stalled'

interface RequestFacts {
  readonly id: string
  readonly request_id: string
  readonly thread: number
  readonly method: string
  readonly path: string
  readonly dialect: string
  readonly client: string
  readonly started_at: string
  readonly model: string | null
  readonly endpoint: string | null
  readonly status: number | null
  readonly stream: boolean | null
  readonly first_byte_ms: number | null
  readonly first_token_ms: number | null
  readonly tokens_per_second: number | null
  readonly request_bytes: number
  readonly response_bytes: number
  readonly completion_tokens: number | null
  readonly routing: Routing | null
}

export interface InFlightRow extends RequestFacts {
  readonly age_ms: number
  readonly phase: Phase
  readonly attempt: number
}

export interface InFlightView {
  readonly at: string
  readonly total: number
  readonly requests: readonly InFlightRow[]
}

export type Outcome = 'success' | 'rejection' | 'failure' | 'client_closed' | 'cancelled'

interface EndedRequest extends RequestFacts {
  readonly ended_at: string
  readonly duration_ms: number
  readonly outcome: Outcome
  readonly error: string | null
  readonly prompt_tokens: number | null
  readonly cached_tokens: number | null
}

export interface RequestRow extends EndedRequest {
  readonly attempts: number
}

export interface RequestsView {
  readonly at: string
  readonly capacity: number
  readonly total: number
  readonly matched: number
  readonly requests: readonly RequestRow[]
}

export interface Attempt {
  readonly endpoint: string
  readonly started_ms: number
  readonly connected_ms: number | null
  readonly first_byte_ms: number | null
  readonly ended_ms: number | null
  readonly status: number | null
  readonly outcome: 'answered' | 'failed' | 'abandoned'
  readonly reason: string | null
}

export interface TimelineEntry {
  readonly name: string
  readonly at_ms: number
  readonly endpoint: string | null
}

/** `GET /internal/requests/{id}`; times are milliseconds from receipt. */
export interface RequestDetail extends EndedRequest {
  readonly attempts: readonly Attempt[]
  readonly timeline: readonly TimelineEntry[]
}

export interface ConfigView {
  readonly values: Readonly<Record<string, unknown>>
  /** Dotted keys that differ from the built-in defaults. */
  readonly changed: readonly string[]
}
