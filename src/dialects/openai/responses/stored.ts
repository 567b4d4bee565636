import { GatewayError } from '../../../kernel/errors.ts'
import { isObject, type JsonObject, listField, textField } from '../../../kernel/json/json-fields.ts'
import { refuse } from '../chat/field-values.ts'
import { given } from './request-values.ts'

/** A response that the gateway keeps, or a conversation, which is a response before its first answer. */
export interface StoredResponse {
  readonly id: string
  /** The response object as the client received it. */
  readonly response: JsonObject
  /** The items of its own request, each with an ID. */
  readonly input: readonly JsonObject[]
  /** What the response continues: another response, or a conversation. */
  readonly previousId: string | undefined
}

/**
 * Keeps responses, so that `previous_response_id`, `item_reference` and `GET /v1/responses/{id}` work. Methods may wait,
 * because threads and replicas share a store.
 */
export interface ResponseStore {
  get(id: string): Promise<StoredResponse | undefined>
  put(stored: StoredResponse): Promise<void>
  /** @returns whether the store had it */
  delete(id: string): Promise<boolean>
  /** An item of the input or output of any response. */
  item(id: string): Promise<JsonObject | undefined>
}

/** Prefixes of the IDs of items. */
const itemPrefixes: Readonly<Record<string, string>> = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'cto',
}
/** Number of responses that one can continue. */
const maxLinks = 10_000
const maxPageSize = 100
const defaultPageSize = 20

/** Whether the gateway keeps the response to a request. OpenAI's default is that it does. */
export function isStored(request: JsonObject): boolean {
  return request.store !== false
}

/** The response or conversation that a request continues. */
export function previousIdOf(request: JsonObject): string | undefined {
  const previous = given(request, 'previous_response_id')
  const conversation = given(request, 'conversation')
  if (previous === undefined && conversation === undefined) return undefined
  if (previous !== undefined && conversation !== undefined) {
    refuse('previous_response_id', 'cannot be used together with conversation')
  }
  const id = isObject(conversation) ? conversation.id : (previous ?? conversation)
  const field = previous === undefined ? 'conversation' : 'previous_response_id'
  return typeof id === 'string' ? id : refuse(field, 'must be a string')
}

/**
 * The request with everything that it refers to in its `input`, for servers without this store. The instructions of
 * earlier responses do not count for later ones.
 * @throws GatewayError invalid_request if the store does not have it
 */
export async function expandRequest(request: JsonObject, store: ResponseStore): Promise<JsonObject> {
  const previousId = previousIdOf(request)
  const input = request.input
  const hasReference = Array.isArray(input) && input.some(isReference)
  if (previousId === undefined && !hasReference) return request
  const context = previousId === undefined ? [] : await contextOf(previousId, store, request)
  const known = new Map<unknown, JsonObject>(context.map((item) => [item.id, item]))
  const own: unknown[] = []
  for (const item of itemsOf(input)) {
    const id = isReference(item) ? String(item.id) : undefined
    own.push(id === undefined ? item : (known.get(id) ?? (await store.item(id)) ?? item))
  }
  const { previous_response_id: _previous, conversation: _conversation, ...others } = request
  return { ...others, input: [...context, ...own] }
}

function isReference(item: unknown): item is JsonObject {
  if (!isObject(item) || typeof item.id !== 'string') return false
  return item.type === 'item_reference' || ((item.type ?? null) === null && item.role === undefined)
}

/** All items before a request, from the beginning of the conversation. */
async function contextOf(id: string, store: ResponseStore, request: JsonObject): Promise<JsonObject[]> {
  const links: StoredResponse[] = []
  for (let next: string | undefined = id; next !== undefined; ) {
    const stored: StoredResponse | undefined = await store.get(next)
    if (stored === undefined || links.length >= maxLinks) throw unknownPrevious(id, request)
    links.push(stored)
    next = stored.previousId
  }
  return links.reverse().flatMap(({ input, response }) => [...input, ...outputOf(response)])
}

function outputOf(response: JsonObject): JsonObject[] {
  return listField(response, 'output').filter(isObject)
}

function itemsOf(input: unknown): readonly unknown[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }]
  return Array.isArray(input) ? input : []
}

/**
 * What to keep of a response.
 * @param request as the client sent it
 */
export function storedResponse(
  request: JsonObject,
  response: JsonObject,
  newId: (prefix: string) => string,
): StoredResponse {
  const items = itemsOf(request.input).filter(isObject)
  return {
    id: textField(response, 'id') ?? newId('resp'),
    response,
    input: items.filter((item) => !isReference(item)).map((item) => inputItem(item, newId)),
    previousId: previousIdOf(request),
  }
}

/** An item as `/input_items` lists it. */
function inputItem(item: JsonObject, newId: (prefix: string) => string): JsonObject {
  const type = textField(item, 'type') ?? 'message'
  const id = textField(item, 'id') ?? newId(itemPrefixes[type] ?? 'item')
  if (type !== 'message' || typeof item.content !== 'string') return { ...item, id, type }
  const text =
    item.role === 'assistant'
      ? { type: 'output_text', text: item.content, annotations: [] }
      : { type: 'input_text', text: item.content }
  return { ...item, id, type, status: 'completed', content: [text] }
}

/** A page of `GET /v1/responses/{id}/input_items`. */
export interface ItemQuery {
  readonly limit?: number | undefined
  readonly order?: string | undefined
  readonly after?: string | undefined
}

/** All items that led to a response, newest first by default. */
export async function inputItems(
  stored: StoredResponse,
  store: ResponseStore,
  { limit = defaultPageSize, order = 'desc', after }: ItemQuery,
): Promise<JsonObject> {
  const { previousId } = stored
  const context = previousId === undefined ? [] : await contextOf(previousId, store, {})
  const items = [...context, ...stored.input]
  if (order !== 'asc') items.reverse()
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1
  const size = Math.min(Math.max(1, Math.floor(limit) || defaultPageSize), maxPageSize)
  const data = items.slice(start, start + size)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + size < items.length,
  }
}

/** The answer to `DELETE /v1/responses/{id}`. */
export function deletedResponse(id: string): JsonObject {
  return { id, object: 'response', deleted: true }
}

/** The answer to `POST /v1/responses/input_tokens`. */
export function inputTokens(count: number): JsonObject {
  return { object: 'response.input_tokens', input_tokens: count }
}

/**
 * The answer to `POST /v1/responses/{id}/cancel` for a response that has ended.
 * @throws GatewayError invalid_request if it does not run in the background
 */
export function cancelledResponse({ response }: StoredResponse): JsonObject {
  if (response.background !== true) {
    throw new GatewayError('invalid_request', 'Cannot cancel a synchronous response.')
  }
  return response
}

/** For a path that names a response. */
export function unknownResponse(id: string): GatewayError {
  return new GatewayError('not_found', `Response with id '${shown(id)}' not found.`)
}

function unknownPrevious(id: string, request: JsonObject): GatewayError {
  if (given(request, 'conversation') !== undefined) {
    const message = `Conversation with id '${shown(id)}' not found.`
    return new GatewayError('invalid_request', message, { details: { param: 'conversation' } })
  }
  return new GatewayError('invalid_request', `Previous response with id '${shown(id)}' not found.`, {
    details: { param: 'previous_response_id', error_code: 'previous_response_not_found' },
  })
}

function shown(id: string): string {
  return id.slice(0, 100)
}
