import type { KeptConversation } from './conversation-store.ts'
import type { KeptResponse, ResponseStores } from './stored.ts'

/**
 * The part of the stores that belongs to one caller: what belongs to another is not found.
 * @param owner undefined if the gateway does not know its callers
 */
export function ownedStores(
  { responses, conversations }: ResponseStores,
  owner: string | undefined,
): ResponseStores {
  const own = <Kept extends KeptResponse | KeptConversation>(kept: Kept | undefined) =>
    kept?.owner === owner ? kept : undefined
  const hasConversation = async (id: string) => own(await conversations.get(id)) !== undefined
  return {
    responses: {
      get: async (id) => own(await responses.get(id)),
      withItem: async (itemId) => own(await responses.withItem(itemId)),
      put: (response) => responses.put({ ...response, owner }),
      delete: async (id) => own(await responses.get(id)) !== undefined && (await responses.delete(id)),
    },
    conversations: {
      get: async (id) => own(await conversations.get(id)),
      create: (conversation) => conversations.create({ ...conversation, owner }),
      change: (id, change) => conversations.change(id, { ...change, owner }),
      delete: async (id) => (await hasConversation(id)) && conversations.delete(id),
    },
  }
}
