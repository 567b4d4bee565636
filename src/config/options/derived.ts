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

/** Whether lower priorities serve only if no higher one can. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}
