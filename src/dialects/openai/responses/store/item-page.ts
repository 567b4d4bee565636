import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { refuse } from '../../chat/request/field-values.ts'

const maxPageSize = 100
const defaultPageSize = 20

/**
 * One page of a list of items, newest first by default.
 * @param items oldest first
 * @throws GatewayError invalid_request if the page begins after an unknown item
 */
export function itemPage(items: readonly JsonObject[], parameters: URLSearchParams): JsonObject {
  const ordered = parameters.get('order') === 'asc' ? items : items.toReversed()
  const after = parameters.get('after')
  const last = after === null ? -1 : ordered.findIndex(({ id }) => id === after)
  // A client that starts over instead would read the same pages for ever.
  if (after !== null && last < 0) refuse('after', 'must be the ID of an item in the list')
  const start = last + 1
  const limit = Math.floor(Number(parameters.get('limit') ?? defaultPageSize)) || defaultPageSize
  const end = start + Math.min(Math.max(1, limit), maxPageSize)
  return itemList(ordered.slice(start, end), end < ordered.length)
}

export function itemList(data: readonly JsonObject[], hasMore: boolean): JsonObject {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}
