/**
 * Decides about limits for all replicas, and shows the serving threads the state of the cluster; the control thread
 * registers it. Decorates nothing; depends on the cluster, the shared cells, the event bus and the link to the other
 * threads. Stops its timers on close.
 */
import fp from 'fastify-plugin'
import { clusterCells } from '../../src/cluster/contract/cluster-cells.ts'
import {
  limitRecallTopic,
  limitRequestTopic,
  limitSettlementTopic,
  slotsTakenTopic,
} from '../../src/cluster/contract/limits.ts'
import { LimitDesk } from '../../src/cluster/limits/limit-desk.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'

export interface ClusterLimitsOptions extends Sections<'cluster'> {
  readonly clock?: Clock
}

export default fp<ClusterLimitsOptions>(
  async function clusterLimits(app, options) {
    const { timeoutMs, memberTimeoutMs } = readSections(options, ['cluster'], ['clock']).cluster
    const clock = options.clock ?? systemClock
    const { cluster, gatewayPeers: link } = app
    const { joined, members, serverAheadMs } = app.gatewayState.of(clusterCells)
    let settling: Timer | undefined
    const settle = () => {
      if (cluster.state !== 'joined') return
      Atomics.store(joined, 0, 2)
      settling?.cancel()
      settling = clock.after(memberTimeoutMs, () => Atomics.store(joined, 0, 1))
    }
    const desk = new LimitDesk({
      ...{ clock, cluster, timeoutMs, threads: link.threads, onLoss: settle },
      recall: (keys) => link.requestAll(limitRecallTopic, keys),
    })
    link.on(limitRequestTopic, (request, thread) => desk.decide(request, thread))
    link.on(limitSettlementTopic, (settlement, thread) => desk.settle(settlement, thread))
    link.on(slotsTakenTopic, (names, thread) => desk.taken(names, thread))
    cluster.add({
      beat() {
        serverAheadMs[0] = cluster.serverAheadMs
      },
      joined(isReturn, hasLapsed) {
        settling?.cancel()
        if (isReturn && hasLapsed) settle()
        else Atomics.store(joined, 0, 1)
      },
      lost() {
        settling?.cancel()
        Atomics.store(joined, 0, 0)
      },
      membersChanged(all) {
        const ids = all.map(({ id }) => id)
        Atomics.store(members, 0, ids.length)
        Atomics.store(members, 1, Math.max(0, ids.indexOf(cluster.id)))
      },
    })
    cluster.add(desk)
    cluster.news.on('limits', (news) => desk.news(news))
    cluster.news.on('amounts-lost', () => desk.missed())
    app.gatewayEvents.subscribe(
      (event) => {
        if (event.type === 'thread.stopped') desk.reclaim(event.data.thread)
      },
      { types: ['thread.stopped'] },
    )
    app.addHook('onClose', async () => {
      settling?.cancel()
      await desk.stop()
    })
  },
  {
    name: 'gateway-cluster-limits',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-events', 'gateway-peers', 'gateway-state'],
  },
)
