import type { TestContext } from 'node:test'
import { type EndpointInput, postChat, type RunningGateway, startGateway } from './gateway.ts'
import type { RunningRedis } from './redis.ts'
import { eventually } from './simulator.ts'

/** `/internal/cluster`. */
export interface ClusterBody {
  readonly replica: string
  readonly state: string
  readonly reason: string | null
  readonly inexact: readonly string[]
  readonly inexact_since: string | null
  readonly members: readonly {
    readonly id: string
    readonly version: string
    readonly requests: number | null
    readonly lag_ms: number
    readonly probes: number
  }[]
  readonly endpoints: readonly { readonly name: string; readonly probed_by: string | null }[]
  readonly leases: readonly { held: number; in_use: number; allowed: number }[]
  readonly calls: number
  readonly timeouts: number
}

export async function clusterOf({ url }: Pick<RunningGateway, 'url'>): Promise<ClusterBody> {
  const response = await fetch(`${url}/internal/cluster`)
  return (await response.json()) as ClusterBody
}

let prefixes = 0

/** A prefix for the keys of one test. */
export function nextPrefix(): string {
  return `test${process.pid}-${++prefixes}`
}

export interface ReplicaOptions {
  readonly count?: number
  readonly sections?: Readonly<Record<string, Record<string, unknown>>>
  readonly cluster?: Record<string, unknown>
  /** Members to wait for, if others are there already. */
  readonly known?: number
}

/** Gateways that share a server, once all know each other; each call has keys of its own. */
export async function startReplicas(
  t: TestContext,
  redis: Pick<RunningRedis, 'url'>,
  endpoints: readonly EndpointInput[],
  { count = 3, sections = {}, cluster = {}, known = count }: ReplicaOptions = {},
): Promise<RunningGateway[]> {
  const key_prefix = nextPrefix()
  const replicas = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startGateway(t, endpoints, {
        ...sections,
        // A machine under load is slow, and what is tested does not depend on the time.
        cluster: {
          redis: redis.url,
          key_prefix,
          replica_id: `r${index}`,
          timeout: '500ms',
          heartbeat: '200ms',
          member_timeout: '1500ms',
          ...cluster,
        },
      }),
    ),
  )
  await eventually(async () => {
    const bodies = await Promise.all(replicas.map(clusterOf))
    return bodies.every(({ state, members }) => state === 'joined' && members.length === known)
  })
  return replicas
}

/** Sends a chat. @returns its status */
export async function ask(replica: RunningGateway | undefined): Promise<number> {
  const response = await postChat(replica?.url ?? '')
  await response.text()
  return response.status
}
