/**
 * `/internal/cluster`: this replica and the others, and metrics of it; `/internal/cluster/replicas/{id}/…` reads a route
 * of another replica, which answers through the server that the replicas share. Depends on the state of the cluster,
 * the link to the control thread, which is connected, and the access rules.
 */
import fp from 'fastify-plugin'
import { isReadable, type ReplicaRead, replicaReadTopic } from '../../src/cluster/contract/replica-reads.ts'
import { clusterViewTopic } from '../../src/cluster/contract/status.ts'
import { ReplicaAsker } from '../../src/cluster/questions/replica-asker.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { clusterMetrics } from '../../src/observe/prometheus/cluster-metrics.ts'
import { ClusterSchema, clusterView } from '../../src/observe/views/cluster.ts'
import { ignoreBodies } from './any-method.ts'
import { compress } from './compression.ts'

export interface InternalClusterOptions {
  readonly clock?: Clock
}

interface ReplicaRoute {
  Params: { id: string; '*': string }
}

/** A replica that does not answer for this long counts as unreachable. */
const readMs = 3_000

export default fp<InternalClusterOptions>(
  function internalCluster(app, { clock = systemClock }, done) {
    const link = app.gatewayPeers
    const read = () => link.requestControl(clusterViewTopic, null)
    app.gatewayMetrics.add(clusterMetrics, read)
    ignoreBodies(app)
    app.route({
      method: app.supportedMethods,
      url: '/internal/cluster',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: ClusterSchema } },
      handler: async () => {
        const view = await read()
        if (view === undefined) throw new GatewayError('out_of_resources')
        return clusterView(view, clock.nowMs())
      },
    })

    const { clusterState } = app
    if (clusterState !== undefined) {
      const replicas = new ReplicaAsker(link, clusterState)
      app.route<ReplicaRoute>({
        method: 'GET',
        url: '/internal/cluster/replicas/:id/*',
        config: { internalAccess: 'gated' },
        exposeHeadRoute: false,
        onSend: compress,
        handler: async ({ params, url }, reply) => {
          const query = url.indexOf('?')
          const path = params['*'] + (query < 0 ? '' : url.slice(query))
          if (!isReadable(path))
            throw new GatewayError('not_found', 'This cannot be read of another replica.')
          const view = await read()
          const isOwn = view?.replica === params.id
          const answer = isOwn
            ? await readOwn({ path })
            : await replicas.ask(replicaReadTopic, { path }, { to: params.id, timeoutMs: readMs })
          if (answer !== undefined)
            return reply
              .code(answer.status)
              .type(answer.type)
              .header('Cache-Control', 'no-store')
              .send(answer.body)
          const isMember = view?.members.some(({ id }) => id === params.id) === true
          if (!isMember) throw new GatewayError('not_found', 'There is no such replica.')
          throw new GatewayError('out_of_resources', 'The replica does not answer.')
        },
      })
    }
    // One thread answers for the replica: each route includes all threads.
    link.on(replicaReadTopic, (wanted) => (link.thread <= 0 ? readOwn(wanted) : undefined))
    done()

    async function readOwn({ path }: ReplicaRead) {
      if (!isReadable(path)) return undefined
      const { statusCode, headers, body } = await app.inject({
        method: 'GET',
        url: `${app.prefix}/internal/${path}`,
        headers: { ...app.internalAccess.ownHeaders, host: '127.0.0.1' },
      })
      return { status: statusCode, type: String(headers['content-type'] ?? 'text/plain'), body }
    }
  },
  {
    name: 'gateway-routes-internal-cluster',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-cluster-state', 'gateway-internal-access', 'gateway-metrics', 'gateway-peers'],
  },
)
