/**
 * Collects what the callers of this thread use, and sends it to the ledger of the control thread twice a second.
 * Decorates `callerLedger`; depends on the endpoint registry and the link to the other threads. Sends the rest on close.
 */
import fp from 'fastify-plugin'
import { UsageCollector } from '../../src/callers/ledger/collector.ts'
import { sendLastUsage, sendUsage } from '../../src/callers/ledger/share.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'

export interface CallerUsageOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    callerLedger?: UsageCollector
  }
}

/** A process that is killed loses what it has collected since: less than a second with the time to write it. */
const intervalMs = 500

export default fp<CallerUsageOptions>(
  async function callerUsage(app, { clock = systemClock }) {
    const { gatewayPeers, endpointRegistry } = app
    const collector = new UsageCollector({
      endpointName: (slot) =>
        endpointRegistry.snapshot.endpoints.find((each) => each.slot === slot)?.name ?? '',
    })
    let timer: Timer | undefined
    function schedule(): void {
      timer = clock.after(intervalMs, () => {
        sendUsage(gatewayPeers, collector.take())
        schedule()
      })
    }
    schedule()
    app.decorate('callerLedger', collector)
    app.addHook('onClose', async () => {
      timer?.cancel()
      await sendLastUsage(gatewayPeers, collector.take())
    })
  },
  {
    name: 'gateway-caller-usage',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-endpoint-registry'],
  },
)
