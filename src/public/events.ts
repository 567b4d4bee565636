/** A typed event bus. Decorates `gatewayEvents`. */
import fp from 'fastify-plugin'
import events, { type EventsOptions } from '../../plugins/runtime/events.ts'
import { once } from './requirements.ts'

export type { EventsOptions }

export default fp<EventsOptions>(
  async function publicEvents(app, options) {
    await once(app, events, options)
  },
  { name: 'olla-gateway/plugins/events', fastify: '5.x' },
)
