import type { ModelItem, ModelStatsRow, ModelStatsView, ModelsView } from '../api/types.ts'

export interface ModelPlace {
  readonly endpoint: string
  /** Whether the endpoint is known to hold it in memory. */
  readonly isLoaded: boolean
}

/** A model, its endpoints and its use. */
export interface ModelRow {
  readonly name: string
  readonly family: string
  readonly item: ModelItem
  readonly places: readonly ModelPlace[]
  readonly stats: ModelStatsRow | undefined
}

/** One row per model, in the gateway's order. */
export function modelRows(models: ModelsView, stats: ModelStatsView | undefined): ModelRow[] {
  const statsByName = new Map(stats?.models.map((row) => [row.name, row]))
  return (models.model_groups ?? []).flatMap(({ family, models: items }) =>
    items.map((item): ModelRow => {
      const loaded = new Set(item.loaded_endpoints)
      return {
        name: item.name,
        family,
        item,
        places: item.endpoints.map((endpoint) => ({ endpoint, isLoaded: loaded.has(endpoint) })),
        stats: statsByName.get(item.name),
      }
    }),
  )
}

/** Names of the models in memory, by endpoint. */
export function loadedModels(models: ModelsView | undefined): ReadonlyMap<string, readonly string[]> {
  const loaded = new Map<string, string[]>()
  for (const { models: items } of models?.model_groups ?? []) {
    for (const { name, loaded_endpoints } of items) {
      for (const endpoint of loaded_endpoints ?? []) {
        const names = loaded.get(endpoint)
        if (names === undefined) loaded.set(endpoint, [name])
        else names.push(name)
      }
    }
  }
  return loaded
}
