import { GatewayError } from '../../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import { refuse } from '../../chat/request/field-values.ts'
import { given, listOf } from '../request/request-values.ts'
import { conversationFull } from '../request/unknown-state.ts'
import type { ConversationStore, KeptConversation, KeptItem } from '../store/conversation-store.ts'
import { itemList, itemPage } from '../store/item-page.ts'
import { listedItem, ownBytes, parsedText, prefixOf } from '../store/stored.ts'

/** A path below `/v1/conversations`. */
export interface ConversationPath {
  /** Undefined for all conversations. */
  readonly id: string | undefined
  readonly hasItems: boolean
  readonly itemId: string | undefined
}

export interface ConversationCall {
  readonly method: string
  /** With its `?`, or ''. */
  readonly query: string
  /** Undefined without a body. */
  readonly body: JsonObject | undefined
}

export interface ConversationParts {
  readonly newId: (prefix: string) => string
  readonly nowMs: () => number
}

/** As OpenAI's. */
const maxMetadata = 16
const maxKeyLength = 64
const maxValueLength = 512
const maxNewItems = 20

const pattern = /^\/v1\/conversations(?:\/([^/]+)(?:(\/items)(?:\/([^/]+))?)?)?$/

/** @param path as requested from endpoints */
export function conversationPath(path: string): ConversationPath | undefined {
  const found = pattern.exec(path)
  return found === null ? undefined : { id: found[1], hasItems: found[2] !== undefined, itemId: found[3] }
}

/**
 * Answers a request about conversations. No endpoint has any: the gateway keeps them for all.
 * @throws GatewayError invalid_request, not_found, method_not_allowed
 */
export async function answerConversation(
  store: ConversationStore,
  path: ConversationPath,
  call: ConversationCall,
  parts: ConversationParts,
): Promise<JsonObject> {
  const allowed = methodsOf(path)
  if (!allowed.includes(call.method)) {
    throw new GatewayError('method_not_allowed', undefined, { headers: ['Allow', allowed.join(', ')] })
  }
  const answer = await answered(store, path, call, parts)
  if (answer !== undefined) return answer
  throw new GatewayError('not_found', `Conversation with id '${(path.id ?? '').slice(0, 100)}' not found.`)
}

function methodsOf({ id, hasItems, itemId }: ConversationPath): readonly string[] {
  if (id === undefined) return ['POST']
  if (itemId !== undefined) return ['GET', 'DELETE']
  return hasItems ? ['GET', 'POST'] : ['GET', 'POST', 'DELETE']
}

/** @returns undefined if the store does not have the conversation */
async function answered(
  store: ConversationStore,
  path: ConversationPath,
  call: ConversationCall,
  parts: ConversationParts,
): Promise<JsonObject | undefined> {
  const { id, hasItems } = path
  if (id === undefined) return created(store, call.body ?? {}, parts)
  if (!hasItems) return answerOne(store, id, call)
  const conversation = await store.get(id)
  return conversation === undefined ? undefined : answerItems(store, conversation, path, call, parts)
}

async function created(
  store: ConversationStore,
  body: JsonObject,
  { newId, nowMs }: ConversationParts,
): Promise<JsonObject> {
  const conversation: KeptConversation = {
    id: newId('conv'),
    createdAt: Math.floor(nowMs() / 1_000),
    metadata: metadataOf(body) ?? {},
    items: keptItems(newItems(body, 'items'), newId),
  }
  if (!(await store.create(conversation))) throw conversationFull(conversation.id)
  return shown(conversation)
}

async function answerOne(
  store: ConversationStore,
  id: string,
  { method, body }: ConversationCall,
): Promise<JsonObject | undefined> {
  if (method === 'DELETE') {
    return (await store.delete(id)) ? { id, object: 'conversation.deleted', deleted: true } : undefined
  }
  const found =
    method === 'GET'
      ? await store.get(id)
      : await store.change(id, { metadata: metadataOf(body ?? {}) ?? {} })
  return found && shown(found)
}

async function answerItems(
  store: ConversationStore,
  conversation: KeptConversation,
  { itemId }: ConversationPath,
  { method, query, body }: ConversationCall,
  { newId }: ConversationParts,
): Promise<JsonObject | undefined> {
  const { id, items } = conversation
  if (itemId === undefined) {
    if (method === 'GET') return itemPage(items.map(readItem), new URLSearchParams(query))
    const added = keptItems(newItems(body ?? {}, 'items'), newId)
    if (added.length === 0) refuse('items', 'at least one item is required')
    if ((await store.change(id, { added })) === undefined) throw conversationFull(id)
    return itemList(added.map(readItem), false)
  }
  const item = items.find((each) => each.id === itemId)
  if (item === undefined) {
    throw new GatewayError('not_found', `Item with id '${itemId.slice(0, 100)}' not found.`)
  }
  if (method === 'GET') return readItem(item)
  const rest = await store.change(id, { removed: itemId })
  return rest && shown(rest)
}

/** Items as a conversation keeps them: each with an ID. */
export function keptItems(items: readonly JsonObject[], newId: (prefix: string) => string): KeptItem[] {
  return items.map((item) => {
    const listed = listedItem(item, () => newId(prefixOf(item)))
    return { id: listed.id, text: ownBytes(JSON.stringify(listed)) }
  })
}

export function readItem({ text }: KeptItem): JsonObject {
  return parsedText(text)
}

function shown({ id, createdAt, metadata }: KeptConversation): JsonObject {
  return { id, object: 'conversation', created_at: createdAt, metadata }
}

function newItems(body: JsonObject, field: string): readonly JsonObject[] {
  const items = listOf(body, field)
  if (items.length > maxNewItems) refuse(field, `at most ${maxNewItems} items may be added at a time`)
  return items.map((item, index) =>
    isObject(item) ? item : refuse(`${field}.${index}`, 'must be an object'),
  )
}

function metadataOf(body: JsonObject): JsonObject | undefined {
  const metadata = given(body, 'metadata')
  if (metadata === undefined) return undefined
  if (!isObject(metadata)) return refuse('metadata', 'must be an object')
  const entries = Object.entries(metadata)
  if (entries.length > maxMetadata) refuse('metadata', `may have at most ${maxMetadata} members`)
  for (const [key, value] of entries) {
    if (key.length > maxKeyLength) refuse('metadata', `keys may have at most ${maxKeyLength} characters`)
    if (typeof value !== 'string' || value.length > maxValueLength) {
      refuse(`metadata.${key}`, `must be a string of at most ${maxValueLength} characters`)
    }
  }
  return metadata
}
