import { isDeepStrictEqual } from 'node:util'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { EndpointModels, ModelCatalog } from './catalog.ts'

/** An endpoint's current list; undefined if it has none any more. */
type ListChange = readonly [slot: number, list: EndpointModels | undefined]
/** The same list, seen again: everything except the models. */
type ListSeen = readonly [slot: number, seen: Omit<EndpointModels, 'models'>]

const changedTopic: Topic<ListChange> = 'catalog.changed'
const seenTopic: Topic<ListSeen> = 'catalog.seen'
const allTopic: Topic<undefined, readonly ListChange[]> = 'catalog.all'

/** Allows for the lists of a large fleet in transit at once. */
const allMs = 10_000

/** Sends each change of the control thread's catalog to the serving threads, and the whole catalog to a new one. */
export function shareCatalog(catalog: ModelCatalog, link: PeerLink): void {
  catalog.onChange((slot, list, before) => {
    // Most reads return the same list: the lists are long, so do not send them again.
    if (list !== undefined && before !== undefined && isDeepStrictEqual(list.models, before.models)) {
      const { models: _models, ...seen } = list
      link.broadcast(seenTopic, [slot, seen])
    } else {
      link.broadcast(changedTopic, [slot, list])
    }
  })
  link.on(allTopic, () => [...catalog.snapshot.byEndpoint])
}

/**
 * Keeps a serving thread's catalog in sync with the control thread's.
 * @returns a function that fetches the whole catalog, to be awaited before accepting requests
 */
export function followCatalog(catalog: ModelCatalog, link: PeerLink): () => Promise<void> {
  link.on(changedTopic, ([slot, list]) => catalog.put(slot, list))
  link.on(seenTopic, ([slot, seen]) => {
    const known = catalog.snapshot.byEndpoint.get(slot)
    if (known !== undefined) catalog.put(slot, { ...known, ...seen })
  })
  return async () => {
    const lists = await link.requestControl(allTopic, undefined, allMs)
    if (lists === undefined) throw new Error('the control thread did not send its model catalog')
    for (const [slot, list] of lists) catalog.put(slot, list)
  }
}
