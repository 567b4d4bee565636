import type { JsonObject } from '../../../../kernel/json/json-fields.ts'

/** An item of a conversation. */
export interface KeptItem {
  readonly id: string
  /** JSON text of the item, which contains the ID. */
  readonly text: Uint8Array
}

/** A conversation as a store keeps it. */
export interface KeptConversation {
  readonly id: string
  /** Name of the caller that owns it; undefined if the gateway does not know its callers. */
  readonly owner?: string | undefined
  /** Unix time in seconds. */
  readonly createdAt: number
  readonly metadata: JsonObject
  /** Oldest first. */
  readonly items: readonly KeptItem[]
}

/** A change to a conversation; a store applies it at once, whatever other requests change meanwhile. */
export interface ConversationChange {
  /** Who may change it; a conversation of another owner stays as it is. */
  readonly owner?: string | undefined
  readonly metadata?: JsonObject | undefined
  /** Items to append. */
  readonly added?: readonly KeptItem[] | undefined
  /** ID of an item to remove. */
  readonly removed?: string | undefined
}

/**
 * Keeps conversations, so that `conversation` and `/v1/conversations` work. Methods return promises, because threads
 * and replicas may share a store.
 */
export interface ConversationStore {
  get(id: string): Promise<KeptConversation | undefined>
  /** @returns whether the store has room for it */
  create(conversation: KeptConversation): Promise<boolean>
  /** @returns the changed conversation; undefined if the owner has none, or the store has no room for the change */
  change(id: string, change: ConversationChange): Promise<KeptConversation | undefined>
  /** @returns whether the store had it */
  delete(id: string): Promise<boolean>
}

/** Maximum items of one conversation. */
export const maxConversationItems = 20_000

/** @returns undefined if the conversation has another owner, or would have too many items */
export function changed(
  conversation: KeptConversation,
  { owner, metadata, added, removed }: ConversationChange,
): KeptConversation | undefined {
  if (conversation.owner !== owner) return undefined
  const { items } = conversation
  const kept = removed === undefined ? items : items.filter(({ id }) => id !== removed)
  const all = added === undefined ? kept : [...kept, ...added]
  if (all.length > maxConversationItems) return undefined
  return { ...conversation, metadata: metadata ?? conversation.metadata, items: all }
}
