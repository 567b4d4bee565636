import type { BreakerState } from '../../kernel/breaker-state.ts'
import type { EndpointStatus } from '../../kernel/endpoint-status.ts'

/** A limit of a key, a team or an owner that is nearly or wholly used up. */
interface LimitEvent {
  state: 'soft' | 'reached'
  kind: 'key' | 'team' | 'owner'
  id: string
  name: string
  counted: string
  window: string
  used: number
  limit: number
  resetsAt: string | null
}

/** All events of the gateway by type. */
export interface GatewayEvents {
  'endpoint.status': { endpoint: string; from: EndpointStatus; to: EndpointStatus; reason: string }
  'breaker.transition': { endpoint: string; from: BreakerState; to: BreakerState; reason: string }
  /** The circuit of one model on an endpoint. */
  'model.transition': {
    endpoint: string
    model: string
    from: BreakerState
    to: BreakerState
    reason: string
  }
  'discovery.completed': {
    endpoint: string
    models: number
    added: string[]
    removed: string[]
    /** Entries beyond the limit of a list. */
    ignored: number
  }
  'discovery.failed': { endpoint: string; reason: string; consecutiveFailures: number }
  /** The gateway recognized the profile of an `auto` endpoint. */
  'endpoint.detected': { endpoint: string; profile: string }
  /** An endpoint that was removed from the configuration has nothing in flight any more. */
  'endpoint.removed': { endpoint: string }
  /** All threads use another version of the configuration; `keys` are those that were applied. */
  'config.changed': { version: number; by: string; keys: string[]; needsRestart: string[] }
  /** A configuration could not be used; the present one stays. */
  'config.refused': { by: string; reason: string }
  /** A source of endpoints cannot be read any more, or can be again; its endpoints stay. */
  'provider.state': { provider: string; type: string; state: string; reason: string | undefined }
  /** An operation on a model at an endpoint begins, advances or ends; `by` is an operator or a rule. */
  'model.operation': {
    id: string
    operation: string
    endpoint: string
    model: string
    adapter: string | undefined
    state: 'running' | 'done' | 'failed' | 'cancelled'
    detail: string
    /** Bytes. */
    completed: number | undefined
    total: number | undefined
    by: string
  }
  /** A machine that is down was asked to start, by a magic packet, because a request needs it. */
  'endpoint.wake': {
    endpoint: string
    state: 'sent' | 'failed' | 'awake' | 'no_answer'
    reason: string | undefined
  }
  'request.failover': { requestId: string; model: string | undefined; from: string; reason: string }
  /** An operator cancelled a request in flight. */
  'request.cancelled': {
    id: string
    requestId: string
    model: string | undefined
    endpoint: string | undefined
    by: string
  }
  /** What happened in the waiting line of a thread in the last second; counts of requests. */
  'queue.activity': {
    entered: number
    served: number
    left: number
    refused: number
    /** Counts of refused requests by reason. */
    reasons: Readonly<Record<string, number>>
    /** Of those that left the line. */
    longestWaitMs: number
    waiting: number
  }
  /** An operator put a waiting request first. */
  'queue.moved': { id: string; requestId: string; model: string | undefined; by: string }
  'limit.rejected': { requestId: string; kind: 'rate' | 'body_size' | 'header_size'; client: string }
  /**
   * A thread is overloaded and refuses requests of these priorities, or no longer. Levels: 0 refuses none, 1 low
   * priority, 2 normal too, 3 all.
   */
  'overload.level': {
    thread: number
    from: number
    to: number
    refuses: string[]
    loopDelayMs: number
    /** Used part of the memory for bodies. */
    memoryPercent: number
  }
  /** A client without access requested a route below `/internal`. */
  'access.refused': { client: string; host: string | undefined; path: string; reason: string }
  /** A key, team or owner was changed at run time; `fields` are names. */
  'callers.changed': {
    action: 'create' | 'update' | 'rotate' | 'delete'
    kind: 'key' | 'team' | 'owner'
    id: string
    name: string
    fields: readonly string[]
    by: string
  }
  /**
   * A budget has reached the share at which it warns (`soft`), or has refused a request (`reached`): each at most once
   * for a window. `counted` is `money` or `total` tokens.
   */
  'callers.budget': LimitEvent
  /**
   * A limit per minute or per day with a share at which it warns has reached it (`soft`), or has refused a request
   * (`reached`): each at most once for a window. `counted` is `requests`, or tokens: `prompt`, `completion` or `total`.
   */
  'callers.limit': LimitEvent
  /** The store of callers became readable or unreadable. */
  'callers.store': { state: 'available' | 'unavailable'; reason: string | null }
  /** What callers use could be written to the store again, or no longer; until then it is kept in memory. */
  'callers.ledger': { state: 'writable' | 'unwritable'; reason: string | null; pendingRows: number }
  /** The keys of the tokens' issuer could be fetched again, or no longer. */
  'callers.issuer': { state: 'available' | 'unavailable'; issuer: string; reason: string | null }
  /** The server that the replicas share can be used again, or no longer. */
  'cluster.state': { state: 'joined' | 'away'; reason: string | null }
  /** A replica of the cluster, this one included. */
  'cluster.member': { replica: string; action: 'joined' | 'left' }
  /** Messages to a webhook fail, or arrive again; `webhook` is its place in the configuration, from 0. */
  'callers.webhook': {
    state: 'failing' | 'delivering'
    webhook: number
    origin: string
    reason: string | null
    pending: number
    dropped: number
  }
  'thread.started': { thread: number; reason: string | null }
  /** `cut` counts the thread's requests in flight. */
  'thread.stopped': { thread: number; reason: string | null; cut: number }
  'lifecycle.phase': { phase: 'ready' | 'draining' | 'drained' | 'cut'; inFlight: number }
}

export type GatewayEventType = keyof GatewayEvents

/** All event types, for listings and filters. */
export const gatewayEventTypes = Object.keys({
  'endpoint.status': true,
  'breaker.transition': true,
  'model.transition': true,
  'discovery.completed': true,
  'discovery.failed': true,
  'endpoint.detected': true,
  'endpoint.removed': true,
  'config.changed': true,
  'config.refused': true,
  'provider.state': true,
  'model.operation': true,
  'endpoint.wake': true,
  'request.failover': true,
  'request.cancelled': true,
  'queue.activity': true,
  'queue.moved': true,
  'limit.rejected': true,
  'overload.level': true,
  'access.refused': true,
  'callers.changed': true,
  'callers.budget': true,
  'callers.limit': true,
  'callers.store': true,
  'callers.ledger': true,
  'callers.issuer': true,
  'cluster.state': true,
  'cluster.member': true,
  'callers.webhook': true,
  'thread.started': true,
  'thread.stopped': true,
  'lifecycle.phase': true,
} satisfies Record<GatewayEventType, true>)

/** An event as subscribers receive it. */
export type GatewayEvent = {
  [Type in GatewayEventType]: {
    readonly type: Type
    /** Counts up from 1 in this process, over all its threads. */
    readonly sequence: number
    /** Epoch milliseconds. */
    readonly atMs: number
    readonly data: Readonly<GatewayEvents[Type]>
  }
}[GatewayEventType]

/** An event without a sequence number. */
export type NewEvent = {
  [Type in GatewayEventType]: Omit<Extract<GatewayEvent, { type: Type }>, 'sequence'>
}[GatewayEventType]
