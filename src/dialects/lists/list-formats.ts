import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import { anthropicModelPage } from '../anthropic/model-list.ts'
import { ollamaItem } from '../ollama/model-list.ts'

/** How model lists are written: each kind of client reads its own (contract 1.5). */
export const modelListFormats = [
  'unified',
  'openai',
  'ollama',
  'lmstudio',
  'lemonade',
  'vllm',
  'vllm-mlx',
  'sglang',
  'lmdeploy',
  'llamacpp',
  'docker-model-runner',
  'litellm',
  'omlx',
  'anthropic',
] as const

export type ModelListFormat = (typeof modelListFormats)[number]

type Json = Readonly<Record<string, unknown>>

const seconds = (ms: number): number => Math.floor(ms / 1000)

/** A list in one of the formats. */
export function formatModelList(
  format: ModelListFormat,
  models: readonly UnifiedModel[],
  families: FamilyTable,
): Json {
  if (format === 'ollama') return { models: models.map((model) => ollamaItem(model, families)) }
  if (format === 'anthropic') return anthropicModelPage(models)
  const item = items[format]
  return { object: 'list', data: models.map((model) => item(model, families)) }
}

/** One entry of a list, for routes that show a single model. */
export function formatModel(
  format: Exclude<ModelListFormat, 'ollama' | 'anthropic'>,
  model: UnifiedModel,
  families: FamilyTable,
): Json {
  return items[format](model, families)
}

const items: Record<
  Exclude<ModelListFormat, 'ollama' | 'anthropic'>,
  (model: UnifiedModel, families: FamilyTable) => Json
> = {
  unified: unifiedItem,
  openai: (model) => ({ ...openAiItem(model, 'olla'), ...contextFields(model) }),
  litellm: (model) => openAiItem(model, ownerOf(model, 'openai')),
  omlx: (model) => openAiItem(model, ownerOf(model, 'omlx')),
  lmstudio: lmStudioItem,
  lemonade: (model) => ({
    ...openAiItem(model, ownerOf(model, 'lemonade')),
    checkpoint: rawOf(model, 'checkpoint') ?? model.name,
    recipe: rawOf(model, 'recipe') ?? '',
    downloaded: rawOf(model, 'downloaded') ?? true,
  }),
  vllm: (model) => vllmItem(model, 'vllm'),
  'vllm-mlx': (model) => vllmItem(model, 'vllm-mlx'),
  lmdeploy: (model) => vllmItem(model, 'lmdeploy'),
  sglang: (model) => ({
    ...openAiItem(model, ownerOf(model, 'sglang')),
    root: model.name,
    parent: rawOf(model, 'parent') ?? null,
    ...(model.contextLength === undefined ? {} : { max_model_len: model.contextLength }),
    supports_vision: model.type === 'vlm',
    radix_cache_size: rawOf(model, 'radix_cache_size') ?? 0,
    spec_decoding: rawOf(model, 'spec_decoding') ?? false,
    frontend_enabled: rawOf(model, 'frontend_enabled') ?? false,
  }),
  llamacpp: (model) => ({
    ...openAiItem(model, 'llamacpp'),
    ...(rawOf(model, 'meta') === undefined ? {} : { meta: rawOf(model, 'meta') }),
  }),
  'docker-model-runner': (model) => openAiItem(model, ownerOf(model, 'docker')),
}

function unifiedItem(model: UnifiedModel): Json {
  return {
    id: model.id,
    object: 'model',
    owned_by: 'olla',
    created: seconds(model.createdMs),
    olla: {
      ...(model.contextLength === undefined ? {} : { max_context_length: model.contextLength }),
      family: model.family,
      variant: model.variant,
      parameter_size: model.parameterSize,
      quantization: model.quantization,
      aliases: model.aliases,
      availability: model.sources.map(({ endpoint, state }) => ({ endpoint: endpoint.name, state })),
      capabilities: model.capabilities,
    },
  }
}

function openAiItem(model: UnifiedModel, owner: string): Json {
  return { id: model.id, object: 'model', created: seconds(model.createdMs), owned_by: owner }
}

/** How long a context may be, under the names by which clients look for it. */
function contextFields({ contextLength, sources }: UnifiedModel): Json {
  const meta = sources.map(({ told }) => told.raw.meta).find((each) => each !== undefined)
  return {
    ...(contextLength === undefined ? {} : { context_length: contextLength, max_model_len: contextLength }),
    ...(meta === undefined ? {} : { meta }),
  }
}

function vllmItem(model: UnifiedModel, engine: string): Json {
  const created = seconds(model.createdMs)
  return {
    ...openAiItem(model, ownerOf(model, engine)),
    root: model.name,
    parent: null,
    ...(model.contextLength === undefined ? {} : { max_model_len: model.contextLength }),
    permission: [
      {
        id: `modelperm-olla-${model.id.replaceAll('/', '-')}`,
        object: 'model_permission',
        created,
        organization: '*',
        group: null,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        is_blocking: false,
      },
    ],
  }
}

function lmStudioItem(model: UnifiedModel, families: FamilyTable): Json {
  return {
    id: model.id,
    object: 'model',
    type: model.type,
    ...(model.publisher === undefined ? {} : { publisher: model.publisher }),
    ...(model.family === '' ? {} : { arch: model.family }),
    ...(model.quantization === '' ? {} : { quantization: families.spelledQuantization(model.quantization) }),
    state: model.sources.some(({ state }) => state === 'loaded') ? 'loaded' : 'not-loaded',
    ...(model.contextLength === undefined ? {} : { max_context_length: model.contextLength }),
  }
}

/** The organisation in the name, else the owner that the engine names, else the engine. */
function ownerOf(model: UnifiedModel, engine: string): string {
  const organisation = model.name.includes('/') ? model.name.split('/', 1)[0] : undefined
  return organisation ?? model.publisher ?? engine
}

function rawOf(model: UnifiedModel, key: string): unknown {
  return model.sources.map(({ told }) => told.raw[key]).find((value) => value !== undefined)
}
