import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { ClusterReader } from '../contract/cluster-cells.ts'
import {
  type DocumentAnswer,
  type DocumentQuery,
  type DocumentResult,
  type DocumentWrite,
  documentDeleteTopic,
  documentReadTopic,
  documentWriteTopic,
  turnEndTopic,
  turnTakeTopic,
} from '../contract/documents.ts'

/** Longer than the control thread waits for the server. */
const answerMs = 3_000

/** Documents that the replicas share, as a serving thread uses them. While the server is away it asks no one. */
export class DocumentClient {
  readonly #link: Pick<PeerLink, 'requestControl' | 'sendToControl'>
  readonly #state: Pick<ClusterReader, 'isJoined'>

  constructor(
    link: Pick<PeerLink, 'requestControl' | 'sendToControl'>,
    state: Pick<ClusterReader, 'isJoined'>,
  ) {
    this.#link = link
    this.#state = state
  }

  async read(query: DocumentQuery): Promise<DocumentAnswer> {
    return (await this.#ask(documentReadTopic, query)) ?? { kind: 'away' }
  }

  async write(document: DocumentWrite): Promise<DocumentResult> {
    return (await this.#ask(documentWriteTopic, document)) ?? 'away'
  }

  /** @returns undefined if the server is away, and else whether it had the document */
  delete(id: string): Promise<boolean | undefined> {
    return this.#ask(documentDeleteTopic, id)
  }

  /** @returns undefined if the server is away, and else whether no other replica has the turn */
  takeTurn(name: string): Promise<boolean | undefined> {
    return this.#ask(turnTakeTopic, name)
  }

  endTurn(name: string): void {
    this.#link.sendToControl(turnEndTopic, name)
  }

  async #ask<Data, Answer>(topic: Topic<Data, Answer>, data: Data): Promise<Answer | undefined> {
    if (!this.#state.isJoined) return undefined
    return this.#link.requestControl(topic, data, answerMs)
  }
}
