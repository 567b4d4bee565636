import type { SharedDocument } from '../../../../cluster/contract/documents.ts'
import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { parseJson } from '../request/request-values.ts'
import type { KeptConversation } from '../store/conversation-store.ts'
import { type KeptResponse, ownBytes } from '../store/stored.ts'

/** Form of the texts; replicas ignore those of another form. */
const form = 1

const utf8 = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

export function textOfResponse({ previousId, owner, request, response, events }: KeptResponse): string {
  const texts = { request: utf8(request), response: utf8(response) }
  return JSON.stringify({ form, previousId, owner, ...texts, events: events && utf8(events) })
}

/** @returns undefined if the document is no response */
export function responseOfText({ id, text }: SharedDocument): KeptResponse | undefined {
  const kept = read(text)
  const request = textField(kept, 'request')
  const response = textField(kept, 'response')
  if (request === undefined || response === undefined) return undefined
  const events = textField(kept, 'events')
  return {
    id,
    previousId: textField(kept, 'previousId'),
    // Only the server needs them.
    itemIds: [],
    request: ownBytes(request),
    response: ownBytes(response),
    owner: textField(kept, 'owner'),
    ...(events === undefined ? {} : { events: ownBytes(events) }),
  }
}

export function textOfConversation({ owner, createdAt, metadata, items }: KeptConversation): string {
  const texts = items.map(({ id, text }) => [id, utf8(text)])
  return JSON.stringify({ form, owner, createdAt, metadata, items: texts })
}

/** @returns undefined if the document is no conversation */
export function conversationOfText({ id, text }: SharedDocument): KeptConversation | undefined {
  const kept = read(text)
  const createdAt = numberField(kept, 'createdAt')
  if (createdAt === undefined) return undefined
  return {
    id,
    owner: textField(kept, 'owner'),
    createdAt,
    metadata: objectField(kept, 'metadata') ?? {},
    items: listField(kept, 'items').flatMap((item) => {
      const [itemId, itemText]: readonly unknown[] = Array.isArray(item) ? item : []
      return typeof itemId === 'string' && typeof itemText === 'string'
        ? [{ id: itemId, text: ownBytes(itemText) }]
        : []
    }),
  }
}

function read(text: string): JsonObject {
  const kept = parseJson(text)
  return isObject(kept) && kept.form === form ? kept : {}
}
