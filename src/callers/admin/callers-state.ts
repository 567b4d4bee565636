import { setTimeout } from 'node:timers/promises'
import type { CallersSource } from '../../observe/views/callers.ts'
import type { CallerOperations, OperationName, PerformOperation } from './operations.ts'

/** Status routes do not wait longer for the control thread. */
const maxWaitMs = 1_000

interface CallersAccess {
  readonly perform: PerformOperation
  readonly isCurrent: () => boolean
}

export interface CallerParts {
  readonly hasStore: boolean
  readonly hasLedger: boolean
}

/** Asks the control thread how the parts of callers are. */
export async function callersState(
  { perform, isCurrent }: CallersAccess,
  { hasStore, hasLedger }: CallerParts,
): Promise<CallersSource> {
  const ask = <Name extends OperationName>(
    isOn: boolean,
    name: Name,
    input: CallerOperations[Name]['input'],
  ) =>
    isOn
      ? Promise.race([
          perform(name, input).catch(() => undefined),
          setTimeout(maxWaitMs, undefined, { ref: false }),
        ])
      : undefined
  const [ledger, webhooks] = await Promise.all([
    ask(hasLedger, 'ledgerState', null),
    ask(true, 'webhooks', null),
  ])
  return {
    storeIsCurrent: hasStore ? isCurrent() : undefined,
    ledger,
    webhooks: webhooks?.length === 0 ? undefined : webhooks,
  }
}
