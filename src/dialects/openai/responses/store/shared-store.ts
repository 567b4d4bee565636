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
const awaitChanges: Topic<string, boolean> = 'conversation-store:await-changes'

/**
 * The same for conversations: the thread that created one keeps and changes it. Readers wait for the changes that other
 * threads have requested: a client may continue a conversation as soon as it has the answer before.
 */
export class SharedConversationStore implements ConversationStore {
  readonly #own: ConversationStore
  readonly #peers: Peers
  /** The last change of each conversation that another thread has yet to confirm. */
  readonly #pending = new Map<string, Promise<unknown>>()

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
      this.#peers.on(awaitChanges, (id) => this.#changesOf(id)),
    ])
  }

  async get(id: string): Promise<KeptConversation | undefined> {
    if (this.#peers.threads > 1) await this.settled(id)
    return (await this.#own.get(id)) ?? (await elsewhere(this.#peers, getConversation, id))
  }

  create(conversation: KeptConversation): Promise<boolean> {
    return this.#own.create(conversation)
  }

  change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    const changing = this.#change(id, change)
    if (this.#peers.threads > 1) this.track(id, changing)
    return changing
  }

  async delete(id: string): Promise<boolean> {
    const deleted = await this.#peers.requestAll(deleteConversation, id)
    return deleted.includes(true)
  }

  async #change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    if ((await this.#own.get(id)) !== undefined) return this.#own.change(id, change)
    return elsewhere(this.#peers, changeConversation, { id, change })
  }

  /** Resolves when the changes that any thread has begun are over. */
  async settled(id: string): Promise<void> {
    await this.#peers.requestAll(awaitChanges, id)
  }

  /** Makes readers wait for a change. */
  track(id: string, changing: Promise<unknown>): void {
    // Messages from one thread to another keep their order, so the last change is the last one to be confirmed.
    const settled = changing.then(ignore, ignore).then(() => {
      if (this.#pending.get(id) === settled) this.#pending.delete(id)
    })
    this.#pending.set(id, settled)
  }

  async #changesOf(id: string): Promise<boolean> {
    await this.#pending.get(id)
    return true
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

function ignore(): void {}

function endAll(ends: readonly (() => void)[]): () => void {
  return () => {
    for (const end of ends) end()
  }
}
