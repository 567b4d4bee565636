import { isDeepStrictEqual } from 'node:util'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { EndpointModels, ModelCatalog } from './catalog.ts'

/** An endpoint's list as it is now; undefined where it has none any more. */
type ListChange = readonly [slot: number, list: EndpointModels | undefined]
/** The same list, seen again: all but the models. */
type ListSeen = readonly [slot: number, seen: Omit<EndpointModels, 'models'>]

const changedTopic: Topic<ListChange> = 'catalog.changed'
const seenTopic: Topic<ListSeen> = 'catalog.seen'
const allTopic: Topic<undefined, readonly ListChange[]> = 'catalog.all'

/** All lists of a large fleet may be under way at once. */
const allMs = 10_000

/** Sends each change of the control thread's catalogue to the serving threads, and all of it to a new one. */
export function shareCatalog(catalog: ModelCatalog, link: PeerLink): void {
  catalog.onChange((slot, list, before) => {
    // Most looks find what the last one has found: the lists are long and need not travel again.
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
 * Keeps a serving thread's catalogue like the control thread's.
 * @returns a function that fetches all of it, to be awaited before requests are taken
 */
export function followCatalog(catalog: ModelCatalog, link: PeerLink): () => Promise<void> {
  link.on(changedTopic, ([slot, list]) => catalog.put(slot, list))
  link.on(seenTopic, ([slot, seen]) => {
    const known = catalog.snapshot.byEndpoint.get(slot)
    if (known !== undefined) catalog.put(slot, { ...known, ...seen })
  })
  return async () => {
    const lists = await link.askControl(allTopic, undefined, allMs)
    if (lists === undefined) throw new Error('the control thread does not tell its model catalogue')
    for (const [slot, list] of lists) catalog.put(slot, list)
  }
}
