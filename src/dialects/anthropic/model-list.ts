import { canChat, type UnifiedModel } from '../../routing/models/unified-model.ts'
import type { ModelLists } from '../contract/dialect.ts'

/** One model as the Anthropic API lists it. */
export function anthropicModel(model: UnifiedModel) {
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: new Date(model.createdMs).toISOString(),
  }
}

/** Paging parameters of the Anthropic API. */
export interface ModelPageQuery {
  readonly limit?: unknown
  readonly after_id?: unknown
  readonly before_id?: unknown
}

/** One page of the models that answer messages, or all of them without paging parameters. Unknown IDs are ignored. */
export function anthropicModelPage(all: readonly UnifiedModel[], query: ModelPageQuery = {}) {
  const models = all.filter(canChat)
  const ids = models.map(({ id }) => id)
  const after = indexIn(ids, query.after_id)
  const before = indexIn(ids, query.before_id)
  const inRange = models.slice(after + 1, before < 0 ? undefined : before)
  const limit = Number(query.limit)
  const isLimited = Number.isInteger(limit) && limit > 0 && limit < inRange.length
  // `before_id` selects the last models before that ID.
  const page = !isLimited ? inRange : before < 0 ? inRange.slice(0, limit) : inRange.slice(-limit)
  return {
    data: page.map(anthropicModel),
    has_more: isLimited,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  }
}

function indexIn(ids: readonly string[], id: unknown): number {
  return typeof id === 'string' ? ids.indexOf(id) : -1
}

export const anthropicLists: ModelLists = {
  list: (models, _families, query = {}) => anthropicModelPage(models, query),
  entry: anthropicModel,
}
