/**
 * On the control thread: keeps the last events for serving threads that start or restart. Depends on the event bus and
 * the link to the other threads.
 */
import fp from 'fastify-plugin'
import { EventHistory, keptEvents } from '../../src/runtime/events/event-history.ts'

export interface EventHistoryOptions {
  /** Number of events kept. Default 1,000. */
  readonly capacity?: number
}

export default fp<EventHistoryOptions>(
  function eventHistory(app, options, done) {
    const history = new EventHistory(options.capacity ?? 1_000)
    const subscription = app.gatewayEvents.subscribe((event) => history.add(event), { capacity: 1_000 })
    const unhandle = app.gatewayPeers.on(keptEvents, () => history.events)
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      unhandle()
      closed()
    })
    done()
  },
  { name: 'gateway-event-history', fastify: '5.x', dependencies: ['gateway-events', 'gateway-peers'] },
)
