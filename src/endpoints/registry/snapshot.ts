import type { Endpoint } from './endpoint.ts'

interface EndpointSets {
  /** The configured ones, in that order. */
  readonly endpoints: readonly Endpoint[]
  /** Added ones that get no requests yet: they are probed, and their models are read. */
  readonly joining: readonly Endpoint[]
  /** Removed ones with requests in flight. */
  readonly leaving: readonly Endpoint[]
}

/** All endpoints at one time; immutable, replaced as a whole. */
export interface EndpointSnapshot extends EndpointSets {
  readonly version: number
  /** Endpoints that views show: the configured ones, then those that are leaving. */
  readonly shown: readonly Endpoint[]
  /** Of all three; sparse, like the next one. */
  readonly bySlot: readonly Endpoint[]
  /** Of `endpoints` alone: what requests may be routed to. */
  readonly configuredBySlot: readonly Endpoint[]
  readonly byName: ReadonlyMap<string, Endpoint>
}

export function createSnapshot(sets: EndpointSets, version: number): EndpointSnapshot {
  const { endpoints, joining, leaving } = sets
  const bySlot: Endpoint[] = []
  const byName = new Map<string, Endpoint>()
  for (const endpoint of [...leaving, ...joining, ...endpoints]) {
    bySlot[endpoint.slot] = endpoint
    byName.set(endpoint.name, endpoint)
  }
  const configuredBySlot: Endpoint[] = []
  for (const endpoint of endpoints) configuredBySlot[endpoint.slot] = endpoint
  const shown = leaving.length === 0 ? endpoints : [...endpoints, ...leaving]
  return { ...sets, version, shown, bySlot, configuredBySlot, byName }
}

/** The configured endpoints that are no longer in the set are leaving, beside those that were already. */
export function nextSnapshot(
  { endpoints, leaving, version }: EndpointSnapshot,
  next: readonly Endpoint[],
  joining: readonly Endpoint[],
): EndpointSnapshot {
  const slots = new Set([...next, ...joining].map(({ slot }) => slot))
  const left = [...leaving, ...endpoints].filter(({ slot }) => !slots.has(slot))
  return createSnapshot({ endpoints: next, joining, leaving: left }, version + 1)
}
