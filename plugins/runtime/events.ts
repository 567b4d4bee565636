/**
 * Provides the event bus. Decorates `gatewayEvents`; depends on nothing. With a link to other threads of the gateway,
 * their buses act as one. Uses if present: `gatewayPeers`. Closes last of all; then subscribers get no more events.
 */
import fp from 'fastify-plugin'
import { readSections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { EventBus } from '../../src/runtime/events/bus.ts'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { relayEvents } from '../../src/runtime/threads/event-relay.ts'

export interface EventsOptions {
  /** Events that may be queued for a subscriber without its own limit, at least 1. Default 100. */
  readonly subscriberCapacity?: number
  /** Called for every event; a subscriber like any other, with room for 1,000. */
  readonly onEvent?: ((event: GatewayEvent) => void) | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayEvents: EventBus
  }
}

export default fp<EventsOptions>(
  async function events(app, options) {
    readSections(options, [], ['subscriberCapacity', 'onEvent', 'clock'])
    const bus = new EventBus(
      options.clock ?? systemClock,
      (error, event) => app.log.error({ err: error, event: event.type }, 'an event subscriber threw'),
      options.subscriberCapacity,
    )
    if (options.onEvent !== undefined) bus.subscribe(options.onEvent, { capacity: 1000 })
    const endRelay = app.hasDecorator('gatewayPeers') ? relayEvents(bus, app.gatewayPeers) : undefined
    app.decorate('gatewayEvents', bus)
    app.addHook('onClose', function stop(_app, closed) {
      // The bus delivers after the turn in which an event was published.
      setImmediate(() => {
        endRelay?.()
        bus.close()
        closed()
      })
    })
  },
  { name: 'gateway-events', fastify: '5.x' },
)
