import type { SectionOptions } from './sections.ts'

/** Whether clients need keys. */
export function callersAreOn({
  enabled,
  store,
  keys,
}: {
  readonly enabled?: boolean | undefined
  readonly store: string
  readonly keys: readonly unknown[]
}): boolean {
  return enabled ?? (store !== '' || keys.length > 0)
}

/** Whether what callers use is counted in their store. */
export function ledgerIsOn(callers: {
  readonly enabled?: boolean | undefined
  readonly store: string
  readonly keys: readonly unknown[]
  readonly ledger: { readonly enabled: boolean }
}): boolean {
  return callersAreOn(callers) && callers.store !== '' && callers.ledger.enabled
}

/** Whether lower priorities serve only if no higher one can. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}
