/**
 * The types of `docs/internal-api.md`, from the schemas by which the gateway serializes its answers, so that a change
 * of an answer breaks this build. The page imports nothing else from the server, and no code.
 */
import type { Static } from '@sinclair/typebox'
import type { LimitsView } from '../../../src/callers/admin/limits-view.ts'
import type { UsageRowView, UsageView } from '../../../src/callers/admin/usage-view.ts'
import type {
  KeysView,
  KeyView,
  NewKeyView,
  OwnersView,
  OwnerView,
  TeamsView,
  TeamView,
} from '../../../src/callers/admin/views.ts'
import type { ConfigView } from '../../../src/config/config-view.ts'
import type { Explanation } from '../../../src/observe/explain/explanation.ts'
import type { InFlightSchema } from '../../../src/observe/live/in-flight-view.ts'
import type { RecentDetail, RecentSchema } from '../../../src/observe/live/recent-view.ts'
import type { WaitingSchema } from '../../../src/observe/live/waiting-view.ts'
import type { Sample } from '../../../src/observe/stats/sample.ts'
import type { ClusterSchema } from '../../../src/observe/views/cluster.ts'
import type { DiscoverySchema } from '../../../src/observe/views/discovery.ts'
import type {
  EndpointChangeSchema,
  ManagedEndpointSchema,
  ManagedEndpointsSchema,
} from '../../../src/observe/views/endpoint-admin.ts'
import type { EndpointsView } from '../../../src/observe/views/endpoints.ts'
import type { ModelStatsView } from '../../../src/observe/views/model-stats.ts'
import type { ModelsView } from '../../../src/observe/views/models.ts'
import type { ReloadStatusSchema, ReloadView } from '../../../src/observe/views/reload.ts'
import type { StatusView } from '../../../src/observe/views/status.ts'

export type {
  ConfigView,
  EndpointsView,
  Explanation,
  ModelStatsView,
  ModelsView,
  ReloadView,
  Sample,
  StatusView,
}

export type ClusterView = Static<typeof ClusterSchema>
export type MemberRow = ClusterView['members'][number]
export type DiscoveryView = Static<typeof DiscoverySchema>
export type ProviderRow = DiscoveryView['providers'][number]
export type FoundRow = DiscoveryView['endpoints'][number]
export type ManagedEndpoint = Static<typeof ManagedEndpointSchema>
export type ManagedEndpoints = Static<typeof ManagedEndpointsSchema>
export type EndpointChange = Static<typeof EndpointChangeSchema>
export type ReloadStatus = Static<typeof ReloadStatusSchema>

export type EndpointRow = EndpointsView['endpoints'][number]
export type EndpointStatus = EndpointRow['status']
export type BreakerState = EndpointRow['breaker']['state']
export type ModelItem = ModelsView['recent_models'][number]
export type ModelStatsRow = ModelStatsView['models'][number]

export type InFlightView = Static<typeof InFlightSchema>
export type InFlightRow = InFlightView['requests'][number]
export type Phase = InFlightRow['phase']

export type WaitingView = Static<typeof WaitingSchema>
export type WaitingRow = WaitingView['requests'][number]

export type RequestsView = Static<typeof RecentSchema>
export type RequestRow = RequestsView['requests'][number]
export type Outcome = RequestRow['outcome']
export type Routing = RequestRow['routing']
export type RequestDetail = RecentDetail
export type Attempt = RequestDetail['attempts'][number]
export type TimelineEntry = RequestDetail['timeline'][number]

export type KeyPage = Static<typeof KeysView>
export type KeyRow = Static<typeof KeyView>
export type NewKey = Static<typeof NewKeyView>
export type TeamPage = Static<typeof TeamsView>
export type TeamRow = Static<typeof TeamView>
export type OwnerPage = Static<typeof OwnersView>
export type OwnerRow = Static<typeof OwnerView>
export type LimitsPage = Static<typeof LimitsView>
/** A subject and how much of its limits is used. */
export type SubjectLimits = LimitsPage['subjects'][number]
export type LimitState = SubjectLimits['limits'][number]
export type Limits = KeyRow['limits']
export type Policy = KeyRow['policy']
export type UsagePage = Static<typeof UsageView>
export type UsageRow = Static<typeof UsageRowView>

/** Any of them; limits and policies may be partial, the gateway fills in the rest. Null removes one. */
export interface CallerFields {
  readonly name?: string
  readonly owner?: string | null
  readonly team?: string | null
  readonly expires?: string | null
  readonly enabled?: boolean
  readonly metadata?: Readonly<Record<string, string>>
  readonly policy?: DeepPartial<Policy>
  readonly limits?: DeepPartial<Limits>
}

type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]?: DeepPartial<T[Name]> }
    : T

export interface SamplesView {
  readonly sample_interval_ms: number
  readonly samples: readonly Sample[]
}

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
    /** Whether clients need API keys. */
    readonly keys: boolean
    /** Whether what they use is counted. */
    readonly usage: boolean
    /** Whether it is one of several replicas. */
    readonly replicas: boolean
    /** Whether providers find endpoints. */
    readonly discovery: boolean
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

/** A message of `/internal/events`. */
export type FeedMessage =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'event'; readonly event: GatewayEvent }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'gap'; readonly reason: string; readonly missed: number | null }
  | { readonly kind: 'bye'; readonly reason: string }
