import { keyOperations } from './key-operations.ts'
import type { OperationHandlers } from './operations.ts'
import { ownerOperations } from './owner-operations.ts'
import { type CallerAdminServices, RecordAccess } from './record-access.ts'
import { guarded } from './refusals.ts'
import { teamOperations } from './team-operations.ts'

/** The operations on keys, teams and owners, with their rules. They run on the thread that has the store. */
export function callerAdmin(
  services: CallerAdminServices,
): Omit<OperationHandlers, 'limits' | 'usage' | 'usageTotals' | 'ledgerState' | 'webhooks'> {
  const records = new RecordAccess(services)
  return {
    ...keyOperations(records),
    ...teamOperations(records),
    ...ownerOperations(records),
    audit: ({ limit, before }) => guarded(() => records.writable.audit(limit, before)),
  }
}
