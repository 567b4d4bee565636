/** `/internal/admin/webhooks`: which messages have arrived and which have not, and metrics of them. */
import fp from 'fastify-plugin'
import { webhookMetrics } from '../../src/observe/prometheus/webhook-metrics.ts'
import { WebhooksView, webhooksView } from '../../src/observe/views/callers.ts'
import { prepareAdminRoutes, shows } from './admin-routes.ts'

export default fp(
  async function callerWebhookRoutes(app) {
    const { perform } = app.callers
    prepareAdminRoutes(app)
    app.gatewayMetrics.add(webhookMetrics, () => perform('webhooks', null).catch(() => undefined))
    app.get('/internal/admin/webhooks', shows({ response: { 200: WebhooksView } }), async () =>
      webhooksView(await perform('webhooks', null)),
    )
  },
  {
    name: 'gateway-routes-caller-webhooks',
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
