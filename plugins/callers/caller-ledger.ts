/**
 * Writes what callers use to their store, and answers queries of it; the control thread registers it. Decorates
 * nothing; depends on the store of callers, the amounts of limits, which it shares with other gateways through the store,
 * the event bus and the link to the other threads. Writes the rest on close.
 */
import { randomUUID } from 'node:crypto'
import fp from 'fastify-plugin'
import { serveOperations } from '../../src/callers/admin/operations.ts'
import { usageOperations } from '../../src/callers/admin/usage-operations.ts'
import { readAmounts, removeAmounts } from '../../src/callers/ledger/amount-store.ts'
import { Ledger } from '../../src/callers/ledger/ledger.ts'
import { retain } from '../../src/callers/ledger/retention.ts'
import { receiveUsage } from '../../src/callers/ledger/share.ts'
import { SharedAmounts } from '../../src/callers/ledger/shared-amounts.ts'
import { UsageStore } from '../../src/callers/ledger/usage-store.ts'
import { UsageTotals } from '../../src/callers/ledger/usage-totals.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'

/** Reads `callers.ledger` and `callers.refresh_interval`. */
export interface CallerLedgerOptions extends Sections<'callers'> {
  readonly clock?: Clock
}

export default fp<CallerLedgerOptions>(
  async function callerLedger(app, options) {
    const clock = options.clock ?? systemClock
    const { ledger: settings, refreshIntervalMs } = readSections(options, ['callers'], ['clock']).callers
    const database = app.callers.store?.database
    if (database === undefined) return
    const store = new UsageStore(database)
    const { callerAmounts } = app
    const amounts = new SharedAmounts(callerAmounts, (since) => readAmounts(database, since))
    const totals = new UsageTotals(settings.exposedKeys)
    const ledger = new Ledger({
      writer: randomUUID(),
      store,
      clock,
      amounts,
      onState(isWritable, reason) {
        app.gatewayEvents.publish('callers.ledger', {
          state: isWritable ? 'writable' : 'unwritable',
          reason: reason ?? null,
          pendingRows: ledger.state.pendingRows,
        })
      },
    })
    // Before the gateway serves: what was used before it started.
    await ledger.refreshAmounts()
    let timer: Timer | undefined
    let isClosing = false
    function schedule(): void {
      if (isClosing) return
      timer = clock.after(refreshIntervalMs, () => void ledger.refreshAmounts().finally(schedule))
    }
    if (refreshIntervalMs > 0) schedule()
    const stopRetention = retain({
      store,
      clock,
      ...settings,
      removeAmounts: () => removeAmounts(database, (amount) => callerAmounts.isOver(amount)),
    })
    receiveUsage(app.gatewayPeers, (rows) => {
      totals.add(rows)
      ledger.add(rows)
    })
    serveOperations(app.gatewayPeers, usageOperations({ database, ledger, totals, clock, ...settings }))
    app.addHook('onClose', async () => {
      stopRetention()
      isClosing = true
      timer?.cancel()
      const isWritten = await ledger.flush()
      ledger.stop()
      const { pendingRows, reason } = ledger.state
      if (!isWritten) app.log.error({ pendingRows, reason }, 'the ledger could not be written: use is lost')
    })
  },
  {
    name: 'gateway-caller-ledger',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-caller-amounts', 'gateway-events', 'gateway-peers'],
  },
)
