/**
 * Makes this gateway one replica of several: connects to Redis or Valkey, renews the membership and passes messages of
 * the other replicas on. The control thread registers it. Decorates `cluster`; depends on the event bus and the link to
 * the other threads. Before the gateway serves, it waits for the first answer of the server, for one second at most.
 * Leaves the cluster on close.
 */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import fp from 'fastify-plugin'
import { Cluster } from '../../src/cluster/cluster.ts'
import { openNodeRedis } from '../../src/cluster/connection/node-redis.ts'
import type { OpenLink } from '../../src/cluster/connection/redis-link.ts'
import { clusterViewTopic } from '../../src/cluster/contract/status.ts'
import { fleetKeys } from '../../src/cluster/scripts/keys.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'

export interface ClusterPluginOptions extends Sections<'cluster'> {
  /** Opens connections. Default: by the package `@redis/client`. */
  readonly open?: OpenLink
  /** Shown to the other replicas. Defaults to the package's version. */
  readonly version?: string
  /** Requests that have ended since the start, shown to the other replicas. */
  readonly requests?: (() => number) | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    cluster: Cluster
  }
}

/** Maximum wait for the server at start. */
const startMs = 1_000

export default fp<ClusterPluginOptions>(
  async function cluster(app, options) {
    const { cluster: settings } = readSections(options, ['cluster'], ['open', 'version', 'requests', 'clock'])
    const clock = options.clock ?? systemClock
    const open = options.open ?? (await openNodeRedis(settings, fleetKeys(settings.keyPrefix).news))
    let started: (() => void) | undefined
    const replica = new Cluster({
      ...settings,
      clock,
      id: settings.replicaId ?? randomBytes(6).toString('hex'),
      startId: randomBytes(6).toString('hex'),
      info: {
        version: options.version ?? packageVersion,
        host: hostname(),
        startedAtMs: clock.nowMs(),
      },
      ...(options.requests === undefined ? {} : { requests: options.requests }),
      open,
      onState(state, reason) {
        app.gatewayEvents.publish('cluster.state', {
          state: state === 'joined' ? 'joined' : 'away',
          reason: reason ?? null,
        })
        started?.()
      },
      onMember: (id, action) => app.gatewayEvents.publish('cluster.member', { replica: id, action }),
    })
    app.decorate('cluster', replica)
    app.gatewayPeers.on(clusterViewTopic, () => replica.view())
    app.addHook('onReady', async () => {
      replica.start()
      if (replica.state !== 'joining') return
      await new Promise<void>((resolve) => {
        started = resolve
        clock.after(startMs, resolve)
      })
    })
    app.addHook('onClose', () => replica.stop())
  },
  { name: 'gateway-cluster', fastify: '5.x', dependencies: ['gateway-events', 'gateway-peers'] },
)
