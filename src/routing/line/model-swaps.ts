import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import { loadedState } from '../models/candidates.ts'
import type { MustSwap } from './line-swaps.ts'

/**
 * An endpoint need not swap if it has both models in memory, as far as it reports that, or always has all.
 */
export function modelSwaps(
  catalog: Pick<ModelCatalog, 'snapshot'>,
  registry: Pick<EndpointRegistry, 'snapshot'>,
): MustSwap {
  const isLoaded = (slot: number, name: string) => {
    const place = catalog.snapshot.find(name).find((each) => each.slot === slot)
    return loadedState(place?.model.state) === true
  }
  return (slot, from, to) =>
    registry.snapshot.configuredBySlot[slot]?.profile?.alwaysLoaded !== true &&
    !(isLoaded(slot, from) && isLoaded(slot, to))
}
