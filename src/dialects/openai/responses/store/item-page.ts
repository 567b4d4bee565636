import type { JsonObject } from '../../../../kernel/json/json-fields.ts'

const maxPageSize = 100
const defaultPageSize = 20

/**
 * One page of a list of items, newest first by default.
 * @param items oldest first
 */
export function itemPage(items: readonly JsonObject[], parameters: URLSearchParams): JsonObject {
  const ordered = parameters.get('order') === 'asc' ? items : items.toReversed()
  const after = parameters.get('after')
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1
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
