import type { SectionOptions } from './sections.ts'

/** Whether lower priorities get traffic only where no higher one can take it. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}
