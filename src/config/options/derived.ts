import type { SectionOptions } from './sections.ts'

/** Whether lower priorities get traffic only where no higher one can take it. */
export function hasPriorityTiers({ priorityTiers, loadBalancer }: SectionOptions<'proxy'>): boolean {
  return priorityTiers || loadBalancer === 'priority'
}

/** Whether the gateway itself decides which origins may ask: then the CORS headers of endpoints are dropped. */
export function answersCors({ cors, browserCheck }: SectionOptions<'server'>): boolean {
  return cors.enabled || browserCheck
}
