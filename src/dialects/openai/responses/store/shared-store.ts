import type { PeerLink, Topic } from '../../../../runtime/links/peer-link.ts'
import type { ConversationChange, ConversationStore, KeptConversation } from './conversation-store.ts'
import type { KeptResponse, ResponseStore } from './stored.ts'

type Peers = Pick<PeerLink, 'requestAll' | 'on' | 'threads'>

const getTopic: Topic<string, KeptResponse | undefined> = 'response-store:get'
const itemTopic: Topic<string, KeptResponse | undefined> = 'response-store:item'
const deleteTopic: Topic<string, boolean> = 'response-store:delete'

/** Joins the stores of all threads: a response is kept by the thread that served it, and found by all. */
export class SharedResponseStore implements ResponseStore {
  readonly #own: ResponseStore
  readonly #peers: Peers

  constructor(own: ResponseStore, peers: Peers) {
    this.#own = own
    this.#peers = peers
  }

  /** Serves the requests of the other threads. @returns a function that ends it */
  listen(): () => void {
    return endAll([
      this.#peers.on(getTopic, (id) => this.#own.get(id)),
      this.#peers.on(itemTopic, (id) => this.#own.withItem(id)),
      this.#peers.on(deleteTopic, (id) => this.#own.delete(id)),
    ])
  }

  async get(id: string): Promise<KeptResponse | undefined> {
    return (await this.#own.get(id)) ?? (await elsewhere(this.#peers, getTopic, id))
  }

  async withItem(itemId: string): Promise<KeptResponse | undefined> {
    return (await this.#own.withItem(itemId)) ?? (await elsewhere(this.#peers, itemTopic, itemId))
  }

  put(response: KeptResponse): Promise<void> {
    return this.#own.put(response)
  }

  async delete(id: string): Promise<boolean> {
    const deleted = await this.#peers.requestAll(deleteTopic, id)
    return deleted.includes(true)
  }
}

interface NamedChange {
  readonly id: string
  readonly change: ConversationChange
}

const getConversation: Topic<string, KeptConversation | undefined> = 'conversation-store:get'
const changeConversation: Topic<NamedChange, KeptConversation | undefined> = 'conversation-store:change'
const deleteConversation: Topic<string, boolean> = 'conversation-store:delete'

/** The same for conversations: the thread that created one keeps and changes it. */
export class SharedConversationStore implements ConversationStore {
  readonly #own: ConversationStore
  readonly #peers: Peers

  constructor(own: ConversationStore, peers: Peers) {
    this.#own = own
    this.#peers = peers
  }

  /** Serves the requests of the other threads. @returns a function that ends it */
  listen(): () => void {
    return endAll([
      this.#peers.on(getConversation, (id) => this.#own.get(id)),
      this.#peers.on(changeConversation, ({ id, change }) => this.#own.change(id, change)),
      this.#peers.on(deleteConversation, (id) => this.#own.delete(id)),
    ])
  }

  async get(id: string): Promise<KeptConversation | undefined> {
    return (await this.#own.get(id)) ?? (await elsewhere(this.#peers, getConversation, id))
  }

  create(conversation: KeptConversation): Promise<void> {
    return this.#own.create(conversation)
  }

  async change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    if ((await this.#own.get(id)) !== undefined) return this.#own.change(id, change)
    return elsewhere(this.#peers, changeConversation, { id, change })
  }

  async delete(id: string): Promise<boolean> {
    const deleted = await this.#peers.requestAll(deleteConversation, id)
    return deleted.includes(true)
  }
}

/** The answer of the thread that has one. */
async function elsewhere<Data, Found>(
  peers: Peers,
  topic: Topic<Data, Found | undefined>,
  data: Data,
): Promise<Found | undefined> {
  if (peers.threads === 1) return undefined
  const found = await peers.requestAll(topic, data)
  return found.find((each) => each !== undefined)
}

function endAll(ends: readonly (() => void)[]): () => void {
  return () => {
    for (const end of ends) end()
  }
}
