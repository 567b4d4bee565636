import type { SectionOptions } from './sections.ts'

/** Whether lower priorities serve only if no higher one can. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}
