import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointRegistry } from './registry.ts'

/** What changes of an endpoint at run time, besides its cells. */
interface EndpointChange {
  readonly slot: number
  /** Name of the profile in force. */
  readonly profile: string | undefined
  readonly headers: readonly string[]
}

const changedTopic: Topic<EndpointChange> = 'endpoints.changed'
const allTopic: Topic<undefined, readonly EndpointChange[]> = 'endpoints.all'

const allMs = 10_000

/** Sends found types and fresh secrets to the serving threads, and all of them to a new one. */
export function shareEndpoints(registry: EndpointRegistry, link: PeerLink): void {
  registry.onReplaced((endpoint) => link.broadcast(changedTopic, changeOf(endpoint)))
  link.on(allTopic, () => registry.snapshot.endpoints.map(changeOf))
}

/**
 * Keeps a serving thread's endpoints like the control thread's.
 * @returns a function that fetches all of them, to be awaited before requests are taken
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
  return async () => {
    const changes = await link.askControl(allTopic, undefined, allMs)
    if (changes === undefined) throw new Error('the control thread does not tell its endpoints')
    for (const change of changes) apply(change)
  }
}

function changeOf({ slot, profile, headers }: Endpoint): EndpointChange {
  return { slot, profile: profile?.name, headers }
}
