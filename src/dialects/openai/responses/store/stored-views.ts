import { GatewayError } from '../../../../kernel/errors.ts'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { type EventAnswer, keptEvents } from './event-answer.ts'
import { itemPage } from './item-page.ts'
import { inputOf, type KeptResponse, type ResponseStore, readKept } from './stored.ts'

/** A path below `/v1/responses`. */
export interface ResponsePath {
  readonly id: string
  /** Undefined for the response itself. */
  readonly part: 'input_items' | 'cancel' | undefined
}

const pattern = /^\/v1\/responses\/([^/]+)(?:\/(input_items|cancel))?$/

/** @param path as requested from endpoints */
export function responsePath(path: string): ResponsePath | undefined {
  const found = pattern.exec(path)
  const [, id, part] = found ?? []
  if (id === undefined || id === 'input_tokens' || id === 'compact') return undefined
  return { id, part: part === 'input_items' || part === 'cancel' ? part : undefined }
}

/**
 * Answers a request about a stored response.
 * @param query with its `?`, or ''
 * @returns undefined if the store does not have the response, or the method is not the API's
 * @throws GatewayError invalid_request
 */
export async function answerStored(
  store: ResponseStore,
  method: string,
  { id, part }: ResponsePath,
  query: string,
): Promise<JsonObject | EventAnswer | undefined> {
  if (method === 'DELETE' && part === undefined) {
    return (await store.delete(id)) ? deletedResponse(id) : undefined
  }
  const kept = await store.get(id)
  if (kept === undefined) return undefined
  if (method === 'POST' && part === 'cancel') return cancelledResponse(kept)
  if (method !== 'GET' || part === 'cancel') return undefined
  if (part === 'input_items') return inputPage(kept, store, query)
  return keptEvents(kept, query) ?? readKept(kept).response
}

export function deletedResponse(id: string): JsonObject {
  return { id, object: 'response', deleted: true }
}

/** A page of the items that led to a response. @param query with its `?`, or '' */
export async function inputPage(
  kept: KeptResponse,
  store: ResponseStore,
  query: string,
): Promise<JsonObject> {
  return itemPage(await inputOf(kept, store), new URLSearchParams(query))
}

/** The store only has responses that have ended. */
function cancelledResponse(kept: KeptResponse): JsonObject {
  const { response } = readKept(kept)
  if (response.background === true) return response
  throw new GatewayError('invalid_request', 'Cannot cancel a synchronous response.')
}

/** For a path that names a response. */
export function unknownResponse(id: string): GatewayError {
  return new GatewayError('not_found', `Response with id '${id.slice(0, 100)}' not found.`)
}
