/** `/internal/config`: the effective configuration, without its secrets. */
import fp from 'fastify-plugin'
import { configView } from '../../src/config/config-view.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { GatewayConfig } from '../../src/config/schema/schema.ts'

export interface InternalConfigOptions {
  readonly config: GatewayConfig
}

export default fp<InternalConfigOptions>(
  function internalConfig(app, options, done) {
    app.get('/internal/config', { config: { internalAccess: 'gated' } }, (_request, reply) =>
      reply.header('Cache-Control', 'no-store').send(configView(options.config, parseConfig({}))),
    )
    done()
  },
  {
    name: 'gateway-routes-internal-config',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-internal-access'],
  },
)
