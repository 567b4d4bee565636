/**
 * Decides about limits for all replicas, and shows the serving threads the state of the cluster; the control thread
 * registers it. Decorates nothing; depends on the cluster, the shared cells, the event bus and the link to the other
 * threads. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { clusterCells } from '../../src/cluster/contract/cluster-cells.ts'
import { limitRequestTopic, limitSettlementTopic } from '../../src/cluster/contract/limits.ts'
import { LimitDesk } from '../../src/cluster/limits/limit-desk.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface ClusterLimitsOptions {
  readonly clock?: Clock
}

export default fp<ClusterLimitsOptions>(
  function clusterLimits(app, options, done) {
    const { cluster, gatewayPeers: link } = app
    const { joined, members } = app.gatewayState.of(clusterCells)
    const desk = new LimitDesk({ clock: options.clock ?? systemClock, cluster })
    link.on(limitRequestTopic, (request, thread) => desk.decide(request, thread))
    link.on(limitSettlementTopic, (settlement, thread) => desk.settle(settlement, thread))
    cluster.add({
      joined: () => Atomics.store(joined, 0, 1),
      lost: () => Atomics.store(joined, 0, 0),
      membersChanged(all) {
        const ids = all.map(({ id }) => id)
        Atomics.store(members, 0, ids.length)
        Atomics.store(members, 1, Math.max(0, ids.indexOf(cluster.id)))
      },
    })
    cluster.add(desk)
    app.gatewayEvents.subscribe(
      (event) => {
        if (event.type === 'thread.stopped') desk.reclaim(event.data.thread)
      },
      { types: ['thread.stopped'] },
    )
    done()
  },
  {
    name: 'gateway-cluster-limits',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-events', 'gateway-peers', 'gateway-state'],
  },
)
