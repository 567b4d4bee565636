import type { ModelItem, ModelStatsRow, ModelStatsView, ModelsView, UnifiedModels } from '../api/types.ts'

export interface ModelPlace {
  readonly endpoint: string
  /** In the endpoint's memory; undefined where it does not tell. */
  readonly isLoaded: boolean | undefined
}

/** All that is known of a model: where it is, and how it is used. */
export interface ModelRow {
  readonly name: string
  readonly family: string
  readonly item: ModelItem
  readonly places: readonly ModelPlace[]
  readonly aliases: readonly string[]
  readonly contextLength: number | undefined
  readonly stats: ModelStatsRow | undefined
}

/** One row per model, by family, the unknown family last, as the gateway sorts them. */
export function modelRows(
  models: ModelsView,
  stats: ModelStatsView | undefined,
  unified: UnifiedModels | undefined,
): ModelRow[] {
  const statsByName = new Map(stats?.models.map((row) => [row.name, row]))
  const byAlias = unifiedByAlias(unified)
  return (models.model_groups ?? []).flatMap(({ family, models: items }) =>
    items.map((item): ModelRow => {
      const same = byAlias.get(item.name)
      const states = new Map(
        same?.olla.availability.map(({ endpoint, state }) => [endpoint, state] as const) ?? [],
      )
      return {
        name: item.name,
        family,
        item,
        places: item.endpoints.map((endpoint) => ({ endpoint, isLoaded: isLoaded(states.get(endpoint)) })),
        aliases: (same?.olla.aliases ?? []).filter((alias) => alias !== item.name),
        contextLength: same?.olla.max_context_length ?? undefined,
        stats: statsByName.get(item.name),
      }
    }),
  )
}

/** Names of the models in memory, by endpoint. */
export function loadedModels(unified: UnifiedModels | undefined): ReadonlyMap<string, readonly string[]> {
  const loaded = new Map<string, string[]>()
  for (const { id, olla } of unified?.data ?? []) {
    for (const { endpoint, state } of olla.availability) {
      if (isLoaded(state) !== true) continue
      const names = loaded.get(endpoint)
      if (names === undefined) loaded.set(endpoint, [id])
      else names.push(id)
    }
  }
  return loaded
}

function unifiedByAlias(unified: UnifiedModels | undefined): Map<string, UnifiedModels['data'][number]> {
  const byAlias = new Map<string, UnifiedModels['data'][number]>()
  for (const model of unified?.data ?? []) {
    for (const alias of [model.id, ...model.olla.aliases]) byAlias.set(alias, model)
  }
  return byAlias
}

function isLoaded(state: string | undefined): boolean | undefined {
  if (state === 'loaded') return true
  return state === 'not-loaded' ? false : undefined
}
