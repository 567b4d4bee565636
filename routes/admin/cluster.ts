/** `/internal/cluster`: this replica and the others, and metrics of it. */
import fp from 'fastify-plugin'
import { clusterViewTopic } from '../../src/cluster/contract/status.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { clusterMetrics } from '../../src/observe/prometheus/cluster-metrics.ts'
import { ClusterSchema, clusterView } from '../../src/observe/views/cluster.ts'
import { ignoreBodies } from './any-method.ts'

export interface InternalClusterOptions {
  readonly clock?: Clock
}

export default fp<InternalClusterOptions>(
  function internalCluster(app, { clock = systemClock }, done) {
    const read = () => app.gatewayPeers.requestControl(clusterViewTopic, null)
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
    done()
  },
  {
    name: 'gateway-routes-internal-cluster',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-internal-access', 'gateway-metrics', 'gateway-peers'],
  },
)
