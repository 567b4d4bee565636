/**
 * `/internal/admin/limits`: how much of their limits keys, owners and teams use now, which requests limits have refused, and
 * the limits of the gateway. Depends on the link to the control thread.
 */
import fp from 'fastify-plugin'
import { LimitsQuery, readLimitsQuery } from '../../src/callers/admin/limits-query.ts'
import { LimitsView, limitsCsv, limitsView } from '../../src/callers/admin/limits-view.ts'
import type { GivenQuery } from '../../src/callers/admin/queries.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { limitSettingsView } from '../../src/observe/views/settings.ts'
import { settingStatusTopic } from '../../src/runtime/configuration/settings/setting-topics.ts'
import { etagOf } from '../admin/admin-routes.ts'
import { prepareAdminRoutes, sendCsv, shows } from './admin-routes.ts'

export default fp(
  function callerLimitRoutes(app, _options, done) {
    const { perform } = app.callers
    prepareAdminRoutes(app)
    app.get<{ Querystring: GivenQuery }>(
      '/internal/admin/limits',
      shows({ querystring: LimitsQuery, response: { 200: LimitsView } }),
      async ({ query: given }, reply) => {
        const { format, ...query } = readLimitsQuery(given)
        const page = await perform('limits', query)
        if (format !== 'json') return sendCsv(reply, 'limits.csv', limitsCsv(page.items))
        const status = await app.gatewayPeers.requestControl(settingStatusTopic, undefined)
        if (status === undefined) throw new GatewayError('out_of_resources')
        reply.header('ETag', etagOf(status.version))
        return { ...limitsView(page), ...limitSettingsView(status) }
      },
    )
    done()
  },
  {
    name: 'gateway-routes-caller-limits',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-callers', 'gateway-peers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
