/** `/internal/admin/limits`: how much of their limits keys, owners and teams use now, and which requests limits have refused. */
import fp from 'fastify-plugin'
import { LimitsQuery, readLimitsQuery } from '../../src/callers/admin/limits-query.ts'
import { LimitsView, limitsCsv, limitsView } from '../../src/callers/admin/limits-view.ts'
import type { GivenQuery } from '../../src/callers/admin/queries.ts'
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
        return format === 'json' ? limitsView(page) : sendCsv(reply, 'limits.csv', limitsCsv(page.items))
      },
    )
    done()
  },
  {
    name: 'gateway-routes-caller-limits',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-callers', 'gateway-internal-access', 'gateway-request-context'],
  },
)
