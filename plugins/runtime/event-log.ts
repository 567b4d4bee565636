/**
 * Keeps the last events and streams new ones. Decorates `eventLog` and `eventHub`; depends on the event bus (shared by
 * all threads), the shared cells and the lifecycle, whose drain ends the streams.
 */

import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { keptEvents } from '../../src/runtime/events/event-history.ts'
import { EventHub } from '../../src/runtime/events/event-hub.ts'
import { EventLog } from '../../src/runtime/events/event-log.ts'
import { runCells } from '../../src/runtime/process/process-cells.ts'

/** Reads `dashboard.event_subscribers`. */
export interface EventLogOptions extends Sections<'dashboard'> {
  /** Number of events kept. Default 1,000. */
  readonly capacity?: number
  /** Bytes that may be buffered for one stream before it is closed. Default 1,048,576. */
  readonly maxBufferedBytes?: number
  /** Milliseconds between comments that keep streams alive. Default 15,000. */
  readonly heartbeatMs?: number
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    eventLog: EventLog
    eventHub: EventHub
  }
}

/** Timeout for the earlier events: long, because a starting thread is busy and nothing waits for them. */
const catchUpMs = 30_000

export default fp<EventLogOptions>(
  async function eventLog(app, options) {
    const { dashboard } = readSections(
      options,
      ['dashboard'],
      ['capacity', 'maxBufferedBytes', 'heartbeatMs', 'clock'],
    )
    const clock = options.clock ?? systemClock
    const startedAtMs = app.gatewayState.of(runCells).mark.begin(clock.nowMs())
    const hub = new EventHub({
      clock,
      maxSubscribers: dashboard.eventSubscribers,
      maxBufferedBytes: options.maxBufferedBytes ?? 1_048_576,
      heartbeatMs: options.heartbeatMs ?? 15_000,
    })
    const log = new EventLog({
      run: startedAtMs.toString(36),
      capacity: options.capacity ?? 1_000,
      onEvent: (event) => hub.event(event),
    })
    app.decorate('eventLog', log)
    app.decorate('eventHub', hub)
    // Subscribers get the drain event before their streams end.
    let isAnnounced = false
    let isClosing = false
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        log.add(event)
        isAnnounced ||= event.type === 'lifecycle.phase' && event.data.phase === 'draining'
        if (isAnnounced && isClosing) hub.end('draining')
      },
      { capacity: 1_000 },
    )
    app.gatewayLifecycle.onClosing(() => {
      isClosing = true
      if (isAnnounced) hub.end('draining')
    })
    // With several threads this one may have started late: the control thread has the earlier events.
    if (!app.gatewayPeers.isControl) {
      app.addHook('onReady', function catchUp(ready) {
        void app.gatewayPeers
          .requestControl(keptEvents, undefined, catchUpMs)
          .then((events) => log.addEarlier(events ?? []))
        ready()
      })
    }
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      closed()
    })
  },
  {
    name: 'gateway-event-log',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-state', 'gateway-lifecycle'],
  },
)
