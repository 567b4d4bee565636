/**
 * Shows a serving thread whether this replica is a member of its cluster. Decorates `clusterState`; depends on the
 * shared cells, needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { ClusterReader, clusterCells } from '../../src/cluster/contract/cluster-cells.ts'
import { leaderOf } from '../../src/cluster/membership/rendezvous.ts'

declare module 'fastify' {
  interface FastifyInstance {
    clusterState?: ClusterReader
  }
}

export default fp(
  function clusterState(app, _options, done) {
    app.decorate('clusterState', new ClusterReader(app.gatewayState.of(clusterCells), leaderOf))
    done()
  },
  { name: 'gateway-cluster-state', fastify: '5.x', dependencies: ['gateway-state'] },
)
