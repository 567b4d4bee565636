import type { Topic } from '../../runtime/links/peer-link.ts'

/** Why the server cannot be used. */
export type AwayReason = string

/**
 * Whether a replica shares its state:
 *
 * - `joining`: it has not reached the server since its start
 * - `joined`: it is a member
 * - `away`: the server cannot be used
 */
export type ClusterState = 'joining' | 'joined' | 'away'

/** What a replica reports about itself to the others. */
export interface ReplicaInfo {
  readonly version: string
  readonly host: string
  /** Epoch milliseconds, by the replica's own clock. */
  readonly startedAtMs: number
}

/** What a replica reports with each heartbeat; absent for one of an earlier version. */
export interface ReplicaReport {
  /** Requests that have ended since its start. */
  readonly requests?: number | undefined
  /** Round trip of its heartbeat before. */
  readonly roundTripMs?: number | undefined
}

export interface Member extends ReplicaInfo, ReplicaReport {
  readonly id: string
  /** Time since its last heartbeat, by the server's clock. */
  readonly ageMs: number
  /** Requests in flight by name of the endpoint. */
  readonly load: Readonly<Record<string, number>>
}

/** Places of an endpoint that a replica holds. */
export interface LeaseView {
  readonly endpoint: string
  readonly maxConcurrent: number
  readonly held: number
  readonly inUse: number
  /** What requests may use now: the lease, or the share without one. */
  readonly allowed: number
}

/** Which replica probes an endpoint; undefined if each replica does. */
export interface ProbeView {
  readonly endpoint: string
  readonly replica: string | undefined
}

export interface ClusterView {
  readonly replica: string
  readonly state: ClusterState
  /** Since when; epoch milliseconds. */
  readonly sinceMs: number
  readonly reason: AwayReason | undefined
  /** Round trip of the last heartbeat in milliseconds; undefined before the first. */
  readonly roundTripMs: number | undefined
  readonly members: readonly Member[]
  readonly leases: readonly LeaseView[]
  readonly probes: readonly ProbeView[]
  /** What is not exact now. */
  readonly inexact: readonly string[]
  readonly counts: ClusterCounts
}

/** Counted since the start. */
export interface ClusterCounts {
  readonly calls: number
  readonly failures: number
  readonly timeouts: number
  readonly outages: number
}

/** Asks the control thread. */
export const clusterViewTopic: Topic<null, ClusterView> = 'cluster.view'
