import type { DocumentClient } from '../../../../cluster/documents/document-client.ts'
import {
  type ConversationChange,
  type ConversationStore,
  changed,
  type KeptConversation,
} from '../store/conversation-store.ts'
import { isOwnId } from '../store/own-ids.ts'
import type { SharedConversationStore } from '../store/shared-store.ts'
import type { KeptResponse, ResponseStore } from '../store/stored.ts'
import { conversationOfText, responseOfText, textOfConversation, textOfResponse } from './document-texts.ts'
import type { OwedWrites } from './owed-writes.ts'

type Documents = Pick<DocumentClient, 'read' | 'write' | 'delete'>

/** Changes of one conversation at the same time; each loses against the others at most once. */
const maxConflicts = 20

/**
 * Joins the stores of all replicas: what this one keeps is found by the others too. Responses never change, so this
 * replica's own need no lookup. What cannot be written while the server is away is written when it is back.
 */
export class FleetResponseStore implements ResponseStore {
  readonly #own: ResponseStore
  readonly #documents: Documents
  readonly #owed: OwedWrites

  constructor(own: ResponseStore, documents: Documents, owed: OwedWrites) {
    this.#own = own
    this.#documents = documents
    this.#owed = owed
  }

  async get(id: string): Promise<KeptResponse | undefined> {
    return (await this.#own.get(id)) ?? this.#find('id', id)
  }

  async withItem(itemId: string): Promise<KeptResponse | undefined> {
    return (await this.#own.withItem(itemId)) ?? this.#find('item', itemId)
  }

  async put(response: KeptResponse): Promise<void> {
    await this.#own.put(response)
    const { id, itemIds } = response
    const write = () => this.#documents.write({ id, text: textOfResponse(response), items: itemIds })
    if ((await write()) === 'away') {
      const bytes = response.request.length + response.response.length + (response.events?.length ?? 0)
      this.#owed.add(bytes, async () => (await write()) !== 'away')
    }
  }

  async delete(id: string): Promise<boolean> {
    const [isOwn, isShared] = await Promise.all([this.#own.delete(id), this.#documents.delete(id)])
    if (isShared === undefined)
      this.#owed.add(0, async () => (await this.#documents.delete(id)) !== undefined)
    return isOwn || isShared === true
  }

  async #find(by: 'id' | 'item', id: string): Promise<KeptResponse | undefined> {
    const answer = await this.#documents.read({ by, id, mayBeNew: by === 'id' && isOwnId(id) })
    return answer.kind === 'found' ? responseOfText(answer.document) : undefined
  }
}

/**
 * The same for conversations, which change: the server has the current one. While it is away, a replica uses the copy
 * that it has made, and adds its changes to the shared one later.
 */
export class FleetConversationStore implements ConversationStore {
  readonly #own: SharedConversationStore
  readonly #documents: Documents
  readonly #owed: OwedWrites

  constructor(own: SharedConversationStore, documents: Documents, owed: OwedWrites) {
    this.#own = own
    this.#documents = documents
    this.#owed = owed
  }

  async get(id: string): Promise<KeptConversation | undefined> {
    await this.#own.settled(id)
    const answer = await this.#documents.read({ by: 'id', id, mayBeNew: isOwnId(id) })
    return answer.kind === 'found' ? conversationOfText(answer.document) : this.#own.get(id)
  }

  async create(conversation: KeptConversation): Promise<boolean> {
    const { id } = conversation
    const write = () =>
      this.#documents.write({ id, text: textOfConversation(conversation), items: [], after: 0 })
    const [isKept, result] = await Promise.all([this.#own.create(conversation), write()])
    if (result === 'away') this.#owed.add(0, async () => (await write()) !== 'away')
    return isKept && result !== 'full'
  }

  change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    const changing = this.#change(id, change)
    this.#own.track(id, changing)
    return changing
  }

  async delete(id: string): Promise<boolean> {
    const [isOwn, isShared] = await Promise.all([this.#own.delete(id), this.#documents.delete(id)])
    if (isShared === undefined)
      this.#owed.add(0, async () => (await this.#documents.delete(id)) !== undefined)
    return isOwn || isShared === true
  }

  async #change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    const result = await this.#changeShared(id, change)
    if (result === undefined) return undefined
    const own = await this.#own.change(id, change)
    if (result !== 'away') return result
    if (own !== undefined)
      this.#owed.add(bytesOf(change), async () => (await this.#changeShared(id, change)) !== 'away')
    return own
  }

  /** @returns undefined if there is none that its owner may change so; `away` if the server does not have it either */
  async #changeShared(
    id: string,
    change: ConversationChange,
  ): Promise<KeptConversation | undefined | 'away'> {
    for (let conflicts = 0; conflicts < maxConflicts; conflicts++) {
      const answer = await this.#documents.read({ by: 'id', id, mayBeNew: false })
      // One that was created while the server was away is only here, until it is written.
      if (answer.kind !== 'found') return 'away'
      const before = conversationOfText(answer.document)
      const next = before && changed(before, change)
      if (next === undefined) return undefined
      const { version } = answer.document
      const result = await this.#documents.write({
        id,
        text: textOfConversation(next),
        items: [],
        after: version,
      })
      if (result === 'kept') return next
      if (result === 'full') return undefined
      if (result === 'away') return 'away'
    }
    return 'away'
  }
}

function bytesOf({ added = [] }: ConversationChange): number {
  return added.reduce((sum, { text }) => sum + text.length, 0)
}
