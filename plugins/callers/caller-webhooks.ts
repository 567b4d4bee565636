/**
 * Sends events of callers to the configured URLs; the control thread registers it. Decorates nothing; depends on the
 * event bus and the link to the other threads. Sends what was not tried yet on close, for a bounded time.
 */
import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { serveOperations } from '../../src/callers/admin/operations.ts'
import { webhookStatuses, webhooksOf } from '../../src/callers/webhooks/webhooks.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createUpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../src/endpoints/connections/pools.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `callers.webhooks`. */
export interface CallerWebhooksOptions extends Sections<'callers'> {
  readonly clock?: Clock
  /** For the jitter of repetitions. Default: `Math.random`. */
  readonly random?: () => number
}

export default fp<CallerWebhooksOptions>(
  async function callerWebhooks(app, options) {
    const clock = options.clock ?? systemClock
    const { webhooks: settings } = readSections(options, ['callers'], ['clock', 'random']).callers
    const pools = new UpstreamPools(clock)
    const webhooks = webhooksOf(settings, {
      clock,
      random: options.random ?? Math.random,
      fetch: createUpstreamFetch(pools, { clock }),
      run: randomUUID(),
      onState: (change) => app.gatewayEvents.publish('callers.webhook', change),
    })
    const subscriptions = webhooks.map(({ events, add }) =>
      app.gatewayEvents.subscribe(add, { types: events, capacity: 1_000 }),
    )
    serveOperations(app.gatewayPeers, { webhooks: async () => webhookStatuses(webhooks) })
    app.addHook('onClose', async () => {
      const lost = await Promise.all(webhooks.map(({ queue }) => queue.close()))
      for (const subscription of subscriptions) subscription.close()
      pools.close()
      const messages = lost.reduce((sum, each) => sum + each, 0)
      if (messages > 0) app.log.error({ messages }, 'messages to webhooks are lost')
    })
  },
  {
    name: 'gateway-caller-webhooks',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-events', 'gateway-peers'],
  },
)
