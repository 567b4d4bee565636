import type { Topic } from '../../runtime/links/peer-link.ts'

/** A question to other replicas: their threads answer it as if one of their own had asked. */
export interface ReplicaQuestion {
  /** Of a topic whose name begins with `askablePrefix`. */
  readonly topic: string
  /** As JSON can have it. */
  readonly data: unknown
  /** ID of a replica; null for all others. */
  readonly to: string | null
  readonly timeoutMs: number
}

export interface ReplicaAnswer {
  readonly replica: string
  readonly value: unknown
}

/** Other replicas can ask only for topics whose names begin with this. */
export const askablePrefix = 'replica:'

/** Asks the control thread, which has the connection. A question to all ends with the first answer. */
export const replicaAskTopic: Topic<ReplicaQuestion, ReplicaAnswer | undefined> = 'cluster.ask'
