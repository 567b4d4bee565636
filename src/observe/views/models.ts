import { type Static, Type } from '@sinclair/typebox'
import type { DiscoveredModel } from '../../endpoints/discovery/discovered-model.ts'
import { formatAgo, formatBytes, formatTime } from '../../kernel/format.ts'
import { Ago, Count, present, Text, Time } from './fields.ts'
import { compareText } from './source.ts'

const ModelItem = Type.Object({
  name: Text(),
  last_seen: Ago(),
  last_seen_at: Type.Optional(Time()),
  type: Type.Optional(Text('`llm`, `vlm`, `embeddings`.')),
  family: Type.Optional(Text()),
  size: Type.Optional(Text('`3.73 GB`.')),
  params: Type.Optional(Text('`7B`.')),
  quant: Type.Optional(Text('`Q4_0`.')),
  endpoints: Type.Array(Text(), { description: 'Names, sorted.' }),
  endpoint_ids: Type.Array(Text(), { description: 'In the order of `endpoints`.' }),
  capabilities: Type.Optional(Type.Array(Text())),
  context_length: Type.Optional(Count('Tokens; maximum over the endpoints (beyond Olla).')),
  loaded_endpoints: Type.Optional(
    Type.Array(Text(), {
      description: 'The `endpoints` that have it in memory; absent if none is known to (beyond Olla).',
    }),
  ),
})

export const ModelsSchema = Type.Object({
  timestamp: Time(),
  models_by_family: Type.Record(Type.String(), Type.Array(Text())),
  recent_models: Type.Array(ModelItem, { description: 'Up to 10, newest first.' }),
  model_groups: Type.Optional(
    Type.Array(
      Type.Object({
        family: Text(),
        models: Type.Array(ModelItem),
        endpoints: Type.Array(Text()),
        model_count: Count(),
      }),
    ),
  ),
  total_models: Count(),
  total_families: Count(),
  total_endpoints: Count('Endpoints whose models are known.'),
})

export type ModelsView = Static<typeof ModelsSchema>
type Item = Static<typeof ModelItem>

/** Models of one endpoint. */
export interface EndpointModelsSource {
  readonly id: string
  readonly name: string
  readonly models: readonly Omit<DiscoveredModel, 'raw'>[]
  /** Whether it keeps all listed models in memory, as servers of one model do. */
  readonly alwaysLoaded?: boolean
  /** Epoch milliseconds. */
  readonly seenMs: number
}

/** Group of models whose family is unknown. */
const unknownFamily = 'unknown'
const recentCount = 10

/**
 * `/internal/status/models`.
 * @param grouped with `detailed=true&group=family`
 */
export function modelsView(
  endpoints: readonly EndpointModelsSource[],
  grouped: boolean,
  nowMs: number,
): ModelsView {
  const found = collect(endpoints)
  const items = found.map((model) => modelItem(model, nowMs))
  const families = byFamily(items)
  return {
    timestamp: formatTime(nowMs),
    models_by_family: Object.fromEntries(
      families.map(([family, members]) => [family, members.map(({ name }) => name)]),
    ),
    recent_models: found
      .map(({ seenMs }, index) => ({ seenMs, item: items[index] }))
      .sort((a, b) => b.seenMs - a.seenMs)
      .flatMap(({ item }) => item ?? [])
      .slice(0, recentCount),
    ...present({
      model_groups: grouped
        ? families.map(([family, models]) => ({
            family,
            models,
            endpoints: [...new Set(models.flatMap((model) => model.endpoints))].sort(),
            model_count: models.length,
          }))
        : undefined,
    }),
    total_models: items.length,
    total_families: families.length,
    total_endpoints: endpoints.length,
  }
}

type KnownModel = EndpointModelsSource['models'][number]

interface FoundModel {
  readonly name: string
  /** As each endpoint describes it, in the order of `endpoints`. */
  readonly descriptions: KnownModel[]
  readonly endpoints: { id: string; name: string; isLoaded: boolean }[]
  seenMs: number
}

/** Returns each name once, sorted, with all endpoints that have it. */
function collect(endpoints: readonly EndpointModelsSource[]): FoundModel[] {
  const byName = new Map<string, FoundModel>()
  const inOrder = [...endpoints].sort((a, b) => compareText(a.name, b.name) || compareText(a.id, b.id))
  for (const { id, name, models, alwaysLoaded, seenMs } of inOrder) {
    for (const model of models) {
      const found = byName.get(model.name) ?? { name: model.name, descriptions: [], endpoints: [], seenMs }
      byName.set(model.name, found)
      found.descriptions.push(model)
      found.endpoints.push({
        id,
        name,
        isLoaded: model.state === undefined ? alwaysLoaded === true : model.state === 'loaded',
      })
      found.seenMs = Math.max(found.seenMs, seenMs)
    }
  }
  return [...byName.values()].sort((a, b) => compareText(a.name, b.name))
}

function modelItem({ name, descriptions, endpoints, seenMs }: FoundModel, nowMs: number): Item {
  const capabilities = [...new Set(descriptions.flatMap(capabilitiesOf))]
  const contextLength = Math.max(...descriptions.map((each) => each.contextLength ?? 0))
  const loaded = endpoints.filter(({ isLoaded }) => isLoaded)
  // Take size and quantization from one endpoint: values of two would describe a file that does not exist.
  const file = descriptions.find(
    ({ sizeBytes = 0, quantization }) => sizeBytes > 0 || quantization !== undefined,
  )
  return {
    name,
    last_seen: formatAgo(seenMs, nowMs),
    last_seen_at: formatTime(seenMs),
    ...present({
      type: firstKnown(descriptions, 'type'),
      family: firstKnown(descriptions, 'family'),
      size: (file?.sizeBytes ?? 0) > 0 ? formatBytes(file?.sizeBytes ?? 0) : undefined,
      params: firstKnown(descriptions, 'parameterSize'),
      quant: file?.quantization,
      capabilities: capabilities.length === 0 ? undefined : capabilities,
      context_length: contextLength > 0 ? contextLength : undefined,
      loaded_endpoints: loaded.length === 0 ? undefined : loaded.map((endpoint) => endpoint.name),
    }),
    endpoints: endpoints.map((endpoint) => endpoint.name),
    endpoint_ids: endpoints.map(({ id }) => id),
  }
}

/** Most lists contain little: use the first endpoint that reports a value. */
function firstKnown(
  descriptions: readonly KnownModel[],
  key: 'type' | 'family' | 'parameterSize',
): string | undefined {
  return descriptions.find((each) => each[key] !== undefined && each[key] !== '')?.[key]
}

/** As reported by the backend, or else inferred (contract 1.6). */
function capabilitiesOf(model: KnownModel): string[] {
  const capabilities = new Set<string>(model.capabilities ?? [])
  for (const capability of byType.get(model.type ?? '') ?? []) capabilities.add(capability)
  if ((model.contextLength ?? 0) > 100_000) capabilities.add('long_context')
  if (/\b(?:fp|bf|f)16\b/i.test(model.quantization ?? '')) capabilities.add('high_precision')
  return [...capabilities]
}

const byType: ReadonlyMap<string, readonly string[]> = new Map([
  ['vlm', ['vision', 'multimodal']],
  ['embeddings', ['embeddings', 'vector_search']],
  ['llm', ['text_generation', 'chat']],
])

/** Groups by family, sorted, with the unknown family last. */
function byFamily(items: readonly Item[]): [string, Item[]][] {
  const families = new Map<string, Item[]>()
  for (const item of items) {
    const family = item.family ?? unknownFamily
    const members = families.get(family)
    if (members === undefined) families.set(family, [item])
    else members.push(item)
  }
  return [...families].sort(
    ([a], [b]) => Number(a === unknownFamily) - Number(b === unknownFamily) || compareText(a, b),
  )
}
