/** `/internal/config`: the effective configuration, without its secrets. */
import fp from 'fastify-plugin'
import { configView } from '../../src/config/config-view.ts'
import { parseConfig } from '../../src/config/load.ts'

export default fp(
  function internalConfig(app, _options, done) {
    app.get('/internal/config', { config: { internalAccess: 'gated' } }, (_request, reply) => {
      const { version, config } = app.configVersions.current
      return reply
        .header('Cache-Control', 'no-store')
        .send({ version, ...configView(config, parseConfig({})) })
    })
    done()
  },
  {
    name: 'gateway-routes-internal-config',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-internal-access', 'gateway-config-versions'],
  },
)
