/**
 * Logs events that are worth a log line. Depends on the event bus; with several threads, one registers it. Unsubscribes
 * on close.
 */
import fp from 'fastify-plugin'
import { boundedFields, eventLine } from '../../src/observe/logging/event-lines.ts'

export default fp(
  function eventLines(app, _options, done) {
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        const line = eventLine(event)
        if (line !== undefined) app.log[line.level](boundedFields(event.data), line.message)
      },
      { capacity: 1000 },
    )
    app.addHook('onClose', function stop(_app, closed) {
      // The bus delivers after the turn in which an event was published; the last one is the end of the drain.
      setImmediate(() => {
        subscription.close()
        closed()
      })
    })
    done()
  },
  { name: 'gateway-event-lines', fastify: '5.x', dependencies: ['gateway-events'] },
)
