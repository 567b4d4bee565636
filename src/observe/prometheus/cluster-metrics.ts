import type { ClusterCounts, ClusterView } from '../../cluster/contract/status.ts'
import { labelText } from './exposition.ts'
import type { Metric } from './metric.ts'

type Source = ClusterView | undefined

/** Metrics of this replica in its cluster; absent if the thread that is connected does not answer. */
export const clusterMetrics: readonly Metric<Source>[] = [
  {
    name: 'olla_cluster_up',
    type: 'gauge',
    help: '1 if this replica is a member of the cluster; 0 while the server that the replicas share is away.',
    collect: (view, out) => {
      if (view !== undefined) out.sample(Number(view.state === 'joined'))
    },
  },
  {
    name: 'olla_cluster_members',
    type: 'gauge',
    help: 'Members of the cluster, as this replica last knew them.',
    collect: (view, out) => {
      if (view !== undefined) out.sample(view.members.length)
    },
  },
  {
    name: 'olla_cluster_places',
    type: 'gauge',
    help: 'Places of an endpoint that this replica holds. The sum over all replicas is at most its max_concurrent.',
    labels: ['endpoint'],
    collect: (view, out) => {
      for (const { endpoint, held } of view?.leases ?? []) out.sample(held, labelText({ endpoint }))
    },
  },
  {
    name: 'olla_cluster_round_trip_seconds',
    type: 'gauge',
    help: 'Round trip of the last heartbeat to the server that the replicas share; 0 before the first.',
    collect: (view, out) => {
      if (view !== undefined) out.sample((view.roundTripMs ?? 0) / 1000)
    },
  },
  counter('olla_cluster_calls', 'Calls to the server that the replicas share.', 'calls'),
  counter('olla_cluster_failures', 'Calls that failed.', 'failures'),
  counter('olla_cluster_timeouts', 'Calls without an answer in time.', 'timeouts'),
  counter('olla_cluster_outages', 'Times that the server was away.', 'outages'),
]

function counter(name: string, help: string, count: keyof ClusterCounts): Metric<Source> {
  return {
    name,
    type: 'counter',
    help,
    collect: (view, out) => {
      if (view !== undefined) out.sample(view.counts[count])
    },
  }
}
