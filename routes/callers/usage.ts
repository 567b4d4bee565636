/** `/internal/admin/usage`: what callers have used, as the ledger has it, and metrics of it. */
import fp from 'fastify-plugin'
import { type GivenQuery, readUsageQuery, UsageQuery } from '../../src/callers/admin/queries.ts'
import { UsageView, usageCsv, usageView } from '../../src/callers/admin/usage-view.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { callerMetrics } from '../../src/observe/prometheus/caller-metrics.ts'
import { prepareAdminRoutes, sendCsv, shows } from './admin-routes.ts'

export interface CallerUsageRoutesOptions {
  readonly clock?: Clock
}

export default fp<CallerUsageRoutesOptions>(
  async function callerUsageRoutes(app, { clock = systemClock }) {
    const { perform } = app.callers
    prepareAdminRoutes(app)
    app.gatewayMetrics.add(callerMetrics, () => perform('usageTotals', null).catch(() => undefined))

    app.get<{ Querystring: GivenQuery }>(
      '/internal/admin/usage',
      shows({ querystring: UsageQuery, response: { 200: UsageView } }),
      async ({ query: given }, reply) => {
        const { format, ...query } = readUsageQuery(given, clock.nowMs())
        const page = await perform('usage', query)
        return format === 'json'
          ? usageView(page, clock.nowMs())
          : sendCsv(reply, 'usage.csv', usageCsv(page))
      },
    )
  },
  {
    name: 'gateway-routes-caller-usage',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-callers',
      'gateway-internal-access',
      'gateway-metrics',
      'gateway-request-context',
    ],
  },
)
