import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointRegistry } from './registry.ts'

/** Run-time changes of an endpoint outside its cells. */
interface EndpointChange {
  readonly slot: number
  /** Name of the current profile. */
  readonly profile: string | undefined
  readonly headers: readonly string[]
}

const changedTopic: Topic<EndpointChange> = 'endpoints.changed'
/** A removed endpoint, by slot, has nothing in flight any more. */
const leftTopic: Topic<number> = 'endpoints.left'
const allTopic: Topic<undefined, readonly EndpointChange[]> = 'endpoints.all'

const allMs = 10_000

/** Sends detected types, new secrets and the end of drains to the serving threads, and the current state to a new one. */
export function shareEndpoints(registry: EndpointRegistry, link: PeerLink): void {
  registry.onReplaced((endpoint) => link.broadcast(changedTopic, changeOf(endpoint)))
  registry.follow({ gone: ({ slot }) => link.broadcast(leftTopic, slot) })
  link.on(allTopic, () => registry.snapshot.endpoints.map(changeOf))
}

/**
 * Mirrors the control thread's endpoints on a serving thread.
 * @returns a function that fetches all of them; await it before accepting requests
 */
export function followEndpoints(
  registry: EndpointRegistry,
  link: PeerLink,
  profileNamed: (name: string) => BackendProfile | undefined,
): () => Promise<void> {
  const apply = ({ slot, profile: name, headers }: EndpointChange) => {
    const profile = name === undefined ? undefined : profileNamed(name)
    if (profile !== undefined && registry.snapshot.bySlot[slot]?.profile?.name !== name) {
      registry.setProfile(slot, profile)
    }
    registry.replaceHeaders(slot, headers)
  }
  link.on(changedTopic, apply)
  link.on(leftTopic, (slot) => registry.leave(slot))
  return async () => {
    const changes = await link.requestControl(allTopic, undefined, allMs)
    if (changes === undefined) throw new Error('the control thread did not send its endpoints')
    for (const change of changes) apply(change)
  }
}

function changeOf({ slot, profile, headers }: Endpoint): EndpointChange {
  return { slot, profile: profile?.name, headers }
}
