/**
 * Lists the requests in flight, those that wait and the most recent ones, of all threads. Decorates `liveRequests` and
 * `waitingRequests`; depends on the engine, the endpoints, the request hooks and the link to the other threads. If no recent requests are kept, it installs no hook.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { LiveRequests } from '../../src/observe/live/live-requests.ts'
import { RecentRequests } from '../../src/observe/live/recent-requests.ts'
import { RequestKeys } from '../../src/observe/live/request-keys.ts'
import { WaitingRequests } from '../../src/observe/live/waiting-requests.ts'

/** Reads `dashboard.recent_requests`. */
export interface LiveRequestsOptions extends Sections<'dashboard'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    liveRequests: LiveRequests
    waitingRequests: WaitingRequests
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
    const keys = new RequestKeys()
    const requests = new LiveRequests({
      clock,
      link: app.gatewayPeers,
      events: app.gatewayEvents,
      keys,
      exchanges: () => app.proxyEngine.exchanges(),
      recent,
    })
    app.decorate('liveRequests', requests)
    const waiting = new WaitingRequests({
      clock,
      link: app.gatewayPeers,
      events: app.gatewayEvents,
      keys,
      line: app.proxyEngine.line,
      endpointName: (slot) => app.endpointRegistry.snapshot.configuredBySlot[slot]?.name,
    })
    app.decorate('waitingRequests', waiting)
    app.addHook('onClose', function stop(_app, closed) {
      requests.stop()
      waiting.stop()
      closed()
    })
  },
  {
    name: 'gateway-live-requests',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-request-hooks',
      'gateway-proxy-engine',
      'gateway-endpoint-registry',
    ],
  },
)
