import type { Topic } from '../../runtime/links/peer-link.ts'

/** A route of another replica that only reads. */
export interface ReplicaRead {
  /** Below `/internal/`, with its query. */
  readonly path: string
}

export interface ReplicaReadAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export const replicaReadTopic: Topic<ReplicaRead, ReplicaReadAnswer | undefined> = 'replica:read'

/** What can be read of another replica: nothing that streams, and nothing of callers, whose store is shared. */
const readable =
  /^(?:status|stats|samples|inflight|requests|config|process|metrics|cluster|admin\/(?:endpoints|discovery|reload))(?:[/?]|$)/

export function isReadable(path: string): boolean {
  return readable.test(path) && !path.includes('..') && !path.startsWith('cluster/')
}
