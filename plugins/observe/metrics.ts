/**
 * Holds the metrics of the gateway. Decorates `gatewayMetrics`, to which plugins and routes add their own; depends on
 * nothing, needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { MetricSet } from '../../src/observe/prometheus/metric.ts'

declare module 'fastify' {
  interface FastifyInstance {
    gatewayMetrics: MetricSet
  }
}

export default fp(
  function metrics(app, _options, done) {
    app.decorate('gatewayMetrics', new MetricSet())
    done()
  },
  { name: 'gateway-metrics', fastify: '5.x' },
)
