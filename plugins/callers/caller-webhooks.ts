/**
 * Sends events of callers to the configured URLs; the control thread registers it. Decorates nothing; depends on the
 * store of callers, where messages are until they have arrived, the event bus and the link to the other threads. Uses if
 * present: `configVersions`. Sends what was not tried yet on close, for a bounded time.
 */
import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { serveOperations } from '../../src/callers/admin/operations.ts'
import { KeptMessages } from '../../src/callers/webhooks/kept-messages.ts'
import { Webhooks } from '../../src/callers/webhooks/webhooks.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createUpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../src/endpoints/connections/pools.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

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
    const run = randomUUID()
    const database = app.callers.store?.database
    const kept = database === undefined ? undefined : new KeptMessages({ database, clock, holder: run })
    const webhooks = new Webhooks({
      clock,
      random: options.random ?? Math.random,
      fetch: createUpstreamFetch(pools, { clock }),
      run,
      onState: (change) => app.gatewayEvents.publish('callers.webhook', change),
      subscribe(types, listener) {
        const subscription = app.gatewayEvents.subscribe(listener, { types, capacity: 1_000 })
        return () => subscription.close()
      },
      kept,
    })
    webhooks.set(settings)
    kept?.start(() => webhooks.takeKept())
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    followSections(versions, ['callers'], (next) => () => webhooks.set(next.callers.webhooks))
    serveOperations(app.gatewayPeers, { webhooks: async () => webhooks.statuses() })
    app.addHook('onClose', async () => {
      const messages = await webhooks.close()
      pools.close()
      const isKept = (await kept?.stop()) ?? false
      if (messages === 0) return
      if (isKept) app.log.info({ messages }, 'messages to webhooks are kept for the next start')
      else app.log.error({ messages }, 'messages to webhooks are lost')
    })
  },
  {
    name: 'gateway-caller-webhooks',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-events', 'gateway-peers'],
  },
)
