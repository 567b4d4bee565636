import type { ClusterReader } from '../../../../cluster/contract/cluster-cells.ts'
import { documentsDeletedTopic, documentsReturnedTopic } from '../../../../cluster/contract/documents.ts'
import { DocumentClient } from '../../../../cluster/documents/document-client.ts'
import { ReplicaAsker } from '../../../../cluster/questions/replica-asker.ts'
import type { PeerLink } from '../../../../runtime/links/peer-link.ts'
import type { MemoryResponseStore } from '../store/memory-store.ts'
import type { SharedConversationStore, SharedResponseStore } from '../store/shared-store.ts'
import { FleetConversationStore, FleetResponseStore } from './fleet-store.ts'
import { OwedWrites } from './owed-writes.ts'
import { RemoteRuns } from './remote-runs.ts'

export interface FleetParts {
  readonly peers: PeerLink
  readonly state: ClusterReader
  /** What this thread keeps, and what all threads of this replica do. */
  readonly memory: MemoryResponseStore
  readonly responses: SharedResponseStore
  readonly conversations: SharedConversationStore
}

/** The stores of a replica of several; loaded only if there is a cluster. */
export function fleetOf({ peers, state, memory, responses, conversations }: FleetParts) {
  const documents = new DocumentClient(peers, state)
  const owed = new OwedWrites()
  // Each thread removes what it has.
  const forget = async (id: string) => {
    await memory.delete(id)
    await memory.conversations.delete(id)
  }
  return {
    documents,
    responses: new FleetResponseStore(responses, documents, owed),
    conversations: new FleetConversationStore(conversations, documents, owed),
    remoteRuns: new RemoteRuns(new ReplicaAsker(peers, state)),
    /** @returns a function that ends it */
    listen(): () => void {
      const ends = [
        peers.on(documentsReturnedTopic, () => owed.flush().then(() => null)),
        peers.on(documentsDeletedTopic, (ids) => void ids.map(forget)),
      ]
      return () => {
        for (const end of ends) end()
      }
    },
  }
}
