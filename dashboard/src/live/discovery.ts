import { readDiscovery } from '../api/endpoint-api.ts'
import { createResource } from './resource.ts'

/** What providers have found, loaded while a view shows it. */
export const discovery = createResource({
  load: readDiscovery,
  everyMs: 5_000,
  isHidden: () => document.hidden,
})
