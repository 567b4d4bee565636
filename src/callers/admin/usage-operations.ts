import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { hourlyFromMs } from '../ledger/retention.ts'
import { queryUsage, UsageTooLargeError } from '../ledger/usage-query.ts'
import type { UsageTotals } from '../ledger/usage-totals.ts'
import type { Database } from '../store/database.ts'
import { type OperationHandlers, storeAway } from './operations.ts'

export interface UsageServices {
  readonly database: Database
  readonly ledger: Pick<Ledger, 'state' | 'flush'>
  readonly totals: Pick<UsageTotals, 'list'>
  readonly clock: Pick<Clock, 'nowMs'>
  readonly hourlyDays: number
}

/** The operations on the ledger. They run on the thread that has the store. */
export function usageOperations({
  database,
  ledger,
  totals,
  clock,
  hourlyDays,
}: UsageServices): Pick<OperationHandlers, 'usage' | 'usageTotals' | 'ledgerState'> {
  return {
    async usage(query) {
      try {
        const page = await queryUsage(database, query, hourlyFromMs(clock.nowMs(), hourlyDays))
        return { ...page, ledger: ledger.state }
      } catch (error) {
        if (error instanceof UsageTooLargeError) {
          throw new GatewayError(
            'invalid_request',
            `The result has ${error.message}: ask for less time or fewer groups.`,
          )
        }
        throw new GatewayError('callers_unavailable', storeAway)
      }
    },
    ledgerState: async () => ledger.state,
    async usageTotals() {
      return { totals: totals.list(), ledger: ledger.state }
    },
  }
}
