import { readQueue } from '../api/queue-api.ts'
import { createResource } from './resource.ts'

export const queue = createResource({
  load: readQueue,
  everyMs: 2_000,
  isHidden: () => document.hidden,
})
