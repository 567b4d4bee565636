import { isObject, type JsonObject, listField, textField } from '../../../../kernel/json/json-fields.ts'
import { refuse } from '../../chat/request/field-values.ts'
import { parseJson } from '../request/request-values.ts'
import { openThinking, summaryMessage } from '../request/thinking-envelope.ts'
import { conversationFull, exclusiveState, unknownConversation } from '../request/unknown-state.ts'
import { type ConversationStore, maxConversationItems } from './conversation-store.ts'

/** A response as a store keeps it: JSON texts, which cost nothing to keep and which nothing can change. */
export interface KeptResponse {
  readonly id: string
  /** The response that it continues. */
  readonly previousId: string | undefined
  /** IDs of the items in its output. */
  readonly itemIds: readonly string[]
  /** The client's request. */
  readonly request: Uint8Array
  /** The response object as the client received it. */
  readonly response: Uint8Array
  /** Name of the caller that owns it; undefined if the gateway does not know its callers. */
  readonly owner?: string | undefined
  /** The events of its stream, if clients may read them again. */
  readonly events?: Uint8Array | undefined
}

/**
 * Keeps responses whole, with all members, so that `previous_response_id`, `item_reference` and `GET /v1/responses/{id}` work. Methods return
 * promises, because threads and replicas may share a store.
 */
export interface ResponseStore {
  get(id: string): Promise<KeptResponse | undefined>
  /** The response that has this item in its output. */
  withItem(itemId: string): Promise<KeptResponse | undefined>
  put(response: KeptResponse): Promise<void>
  /** @returns whether the store had it */
  delete(id: string): Promise<boolean>
}

/** What the gateway keeps for the Responses API. */
export interface ResponseStores {
  readonly responses: ResponseStore
  readonly conversations: ConversationStore
}

/** A response of the store. */
export interface StoredResponse {
  readonly response: JsonObject
  /** The items of its own request, each with an ID. */
  readonly input: readonly JsonObject[]
}

/** Number of responses that one can continue. */
const maxLinks = 10_000

/** Whether the gateway keeps the response to a request. OpenAI's default is that it does. */
export function isStored(request: JsonObject): boolean {
  return request.store !== false
}

export function readKept({ id, request, response }: KeptResponse): StoredResponse {
  const asked = parsedText(request)
  const input = itemsOf(asked.input)
    .filter(isObject)
    .filter((item) => !isReference(item))
  return {
    response: parsedText(response),
    input: input.map((item, index) =>
      listedItem(item, () => `${prefixOf(item)}_${id.replace(/^resp_/, '')}_${index}`),
    ),
  }
}

/** A request with everything that it refers to. */
export interface ExpandedRequest {
  /** For servers that do not have what it refers to: the whole conversation. */
  readonly whole: JsonObject
  /** With its references replaced, but without the items that it continues. */
  readonly own: JsonObject
}

/**
 * Replaces what a request refers to. The instructions of earlier responses do not count for later ones.
 * @returns undefined if the request refers to nothing that the stores have
 * @throws GatewayError invalid_request if it continues an unknown conversation, or a response and a conversation
 */
export async function expandRequest(
  request: JsonObject,
  { responses, conversations }: ResponseStores,
): Promise<ExpandedRequest | undefined> {
  const previousId = textField(request, 'previous_response_id')
  const conversationId = conversationOf(request)
  if (conversationId === undefined && (request.conversation ?? undefined) !== undefined)
    refuse('conversation', 'must be the ID of a conversation, or an object with its `id`')
  if (previousId !== undefined && conversationId !== undefined) throw exclusiveState()
  const context = previousId === undefined ? [] : await contextOf(previousId, responses)
  if (context === undefined) return undefined
  if (conversationId !== undefined) {
    const conversation = await conversations.get(conversationId)
    // No endpoint has it: the gateway keeps the conversations for all.
    if (conversation === undefined) throw unknownConversation(conversationId)
    for (const { text } of conversation.items) context.push(parsedText(text))
  }
  const items = itemsOf(request.input)
  const own = items.some(isReference) ? await resolved(items, context, responses) : items
  const refers = own !== items || previousId !== undefined || conversationId !== undefined
  if (!refers && !items.some(isOwnCompaction)) return undefined
  if (conversationId !== undefined && context.length + own.length > maxConversationItems)
    throw conversationFull(conversationId)
  const { previous_response_id: _, conversation: __, ...others } = request
  return {
    whole: { ...others, input: [...compactedContext(context), ...own].map(openedCompaction) },
    own: { ...request, input: own },
  }
}

/** Of what a compaction has summarized, only the messages of the user are left. */
function compactedContext(context: readonly JsonObject[]): readonly JsonObject[] {
  const at = context.findLastIndex(isOwnCompaction)
  return at < 0 ? context : [...context.slice(0, at).filter(isUsersMessage), ...context.slice(at)]
}

export function isUsersMessage(item: unknown): item is JsonObject {
  return isObject(item) && item.role === 'user' && (item.type ?? 'message') === 'message'
}

function isOwnCompaction(item: unknown): boolean {
  return openedCompaction(item) !== item
}

/** The summary that the gateway gave a client, as a message: no endpoint knows such items. */
function openedCompaction(item: unknown): unknown {
  if (!isObject(item) || item.type !== 'compaction') return item
  const text = openThinking(item.encrypted_content)?.text ?? ''
  return text === '' ? item : { type: 'message', role: 'user', content: summaryMessage(text) }
}

/** ID of the conversation that a request continues. */
export function conversationOf({ conversation }: JsonObject): string | undefined {
  if (isObject(conversation)) return textField(conversation, 'id')
  return typeof conversation === 'string' ? conversation : undefined
}

/** An unknown reference stays: it may be one to thinking, which a conversation can do without. */
async function resolved(
  items: readonly unknown[],
  context: readonly JsonObject[],
  store: ResponseStore,
): Promise<readonly unknown[]> {
  const known = new Map<unknown, JsonObject>(context.map((item) => [item.id, item]))
  const result: unknown[] = []
  for (const item of items) {
    if (!isReference(item)) result.push(item)
    else {
      if (!known.has(item.id))
        for (const each of await itemsWith(String(item.id), store)) known.set(each.id, each)
      result.push(known.get(item.id) ?? item)
    }
  }
  return result
}

async function itemsWith(itemId: string, store: ResponseStore): Promise<readonly JsonObject[]> {
  const kept = await store.withItem(itemId)
  return kept === undefined ? [] : outputOf(parsedText(kept.response))
}

export function isReference(item: unknown): item is JsonObject {
  if (!isObject(item) || typeof item.id !== 'string') return false
  return item.type === 'item_reference' || ((item.type ?? null) === null && item.role === undefined)
}

/** All items up to a response, from the beginning of the conversation; undefined if the store does not have them. */
async function contextOf(id: string, store: ResponseStore): Promise<JsonObject[] | undefined> {
  const links: KeptResponse[] = []
  for (let next: string | undefined = id; next !== undefined; ) {
    const kept: KeptResponse | undefined = await store.get(next)
    if (kept === undefined || links.length >= maxLinks) return undefined
    links.push(kept)
    next = kept.previousId
  }
  return links.reverse().flatMap((kept) => {
    const { input, response } = readKept(kept)
    return [...input, ...outputOf(response)]
  })
}

/** All items that led to a response, in order. */
export async function inputOf(kept: KeptResponse, store: ResponseStore): Promise<JsonObject[]> {
  const { previousId } = kept
  const context = previousId === undefined ? [] : await contextOf(previousId, store)
  return [...(context ?? []), ...readKept(kept).input]
}

export function outputOf(response: JsonObject): JsonObject[] {
  return listField(response, 'output').filter(isObject)
}

export function itemsOf(input: unknown): readonly unknown[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  return Array.isArray(input) ? input : []
}

/** Prefixes of IDs as OpenAI's. */
const prefixes: Readonly<Record<string, string>> = {
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
  compaction: 'cmp',
}

/** How the ID of an item begins. */
export function prefixOf(item: JsonObject): string {
  return prefixes[textField(item, 'type') ?? ''] ?? 'msg'
}

/** An item as OpenAI lists it. @param newId the ID of an item without one */
export function listedItem(item: JsonObject, newId: () => string): JsonObject & { readonly id: string } {
  const type = textField(item, 'type') ?? 'message'
  const id = textField(item, 'id') ?? newId()
  if (type !== 'message' || typeof item.content !== 'string') return { ...item, id, type }
  const text =
    item.role === 'assistant'
      ? { type: 'output_text', text: item.content, annotations: [] }
      : { type: 'input_text', text: item.content }
  return { ...item, id, type, status: 'completed', content: [text] }
}

export function parsedText(text: Uint8Array): JsonObject {
  const value = parseJson(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8'))
  return isObject(value) ? value : {}
}

/** In a buffer of their own: a view of a pooled one would be copied between threads with the whole pool. */
export function ownBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
