/**
 * Lists the requests in flight and the most recent ones, of all threads. Decorates `liveRequests`; depends on the
 * engine, the request hooks and the link to the other threads. If no recent requests are kept, it installs no hook.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { LiveRequests } from '../../src/observe/live/live-requests.ts'
import { RecentRequests } from '../../src/observe/live/recent-requests.ts'
import { RequestKeys } from '../../src/observe/live/request-keys.ts'

/** Reads `dashboard.recent_requests`. */
export interface LiveRequestsOptions extends Sections<'dashboard'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    liveRequests: LiveRequests
  }
}

export default fp<LiveRequestsOptions>(
  async function liveRequests(app, options) {
    const clock = options.clock ?? systemClock
    const capacity = readSections(options, ['dashboard'], ['clock']).dashboard.recentRequests
    const recent = capacity > 0 ? new RecentRequests(capacity) : undefined
    if (recent !== undefined) {
      app.requestHooks.add({
        onResponse: (context, outcome) =>
          recent.add(context, outcome, clock.nowMs(), clock.monotonicMs() - context.startedAtMs),
      })
    }
    const requests = new LiveRequests({
      clock,
      link: app.gatewayPeers,
      events: app.gatewayEvents,
      keys: new RequestKeys(),
      exchanges: () => app.proxyEngine.exchanges(),
      recent,
    })
    app.decorate('liveRequests', requests)
    app.addHook('onClose', function stop(_app, closed) {
      requests.stop()
      closed()
    })
  },
  {
    name: 'gateway-live-requests',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-request-hooks', 'gateway-proxy-engine'],
  },
)
