/**
 * Counts each request of a caller for the ledger. Decorates `callerMeter`; depends on what collects for it on this
 * thread. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'

export default fp(
  async function callerMeter(app) {
    const { callerLedger } = app
    app.decorate('callerMeter', {
      reserve() {},
      settle: (context, record) => callerLedger?.add(context, record),
    })
  },
  { name: 'gateway-caller-meter', fastify: '5.x', dependencies: ['gateway-caller-usage'] },
)
