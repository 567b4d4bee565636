import type { PeerLink, Topic } from '../../../../runtime/links/peer-link.ts'
import type { KeptResponse, ResponseStore } from './stored.ts'

const getTopic: Topic<string, KeptResponse | undefined> = 'response-store:get'
const itemTopic: Topic<string, KeptResponse | undefined> = 'response-store:item'
const deleteTopic: Topic<string, boolean> = 'response-store:delete'

/** Joins the stores of all threads: a response is kept by the thread that served it, and found by all. */
export class SharedResponseStore implements ResponseStore {
  readonly #own: ResponseStore
  readonly #peers: Pick<PeerLink, 'requestAll' | 'on' | 'threads'>

  constructor(own: ResponseStore, peers: Pick<PeerLink, 'requestAll' | 'on' | 'threads'>) {
    this.#own = own
    this.#peers = peers
  }

  /** Serves the requests of the other threads. @returns a function that ends it */
  listen(): () => void {
    const ends = [
      this.#peers.on(getTopic, (id) => this.#own.get(id)),
      this.#peers.on(itemTopic, (id) => this.#own.withItem(id)),
      this.#peers.on(deleteTopic, (id) => this.#own.delete(id)),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  async get(id: string): Promise<KeptResponse | undefined> {
    return (await this.#own.get(id)) ?? (await this.#elsewhere(getTopic, id))
  }

  async withItem(itemId: string): Promise<KeptResponse | undefined> {
    return (await this.#own.withItem(itemId)) ?? (await this.#elsewhere(itemTopic, itemId))
  }

  put(response: KeptResponse): Promise<void> {
    return this.#own.put(response)
  }

  async delete(id: string): Promise<boolean> {
    const deleted = await this.#peers.requestAll(deleteTopic, id)
    return deleted.includes(true)
  }

  async #elsewhere(
    topic: Topic<string, KeptResponse | undefined>,
    id: string,
  ): Promise<KeptResponse | undefined> {
    if (this.#peers.threads === 1) return undefined
    const found = await this.#peers.requestAll(topic, id)
    return found.find((each) => each !== undefined)
  }
}
