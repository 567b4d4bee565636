import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { ClusterReader } from '../contract/cluster-cells.ts'
import { replicaAskTopic } from '../contract/replica-calls.ts'

/** Asks other replicas from a serving thread. */
export class ReplicaAsker {
  readonly #link: Pick<PeerLink, 'requestControl'>
  readonly #state: Pick<ClusterReader, 'isJoined'>

  constructor(link: Pick<PeerLink, 'requestControl'>, state: Pick<ClusterReader, 'isJoined'>) {
    this.#link = link
    this.#state = state
  }

  /**
   * @param topic an askable one, which is JSON on the way
   * @param to ID of a replica; by default all others
   * @returns the first answer; undefined if none has one in time
   */
  async ask<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    { to = null, timeoutMs }: { to?: string | null; timeoutMs: number },
  ): Promise<Answer | undefined> {
    if (!this.#state.isJoined) return undefined
    const question = { topic, data, to, timeoutMs }
    const answer = await this.#link.requestControl(replicaAskTopic, question, timeoutMs + 1_000)
    // Replicas of one schema version answer what the topic declares.
    return answer?.value as Answer | undefined
  }
}
