import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import type { Json } from '../contract/dialect.ts'
import { openaiItem } from '../openai/model-list.ts'

const seconds = (ms: number): number => Math.floor(ms / 1000)

/** Entries of servers that list their models as OpenAI does, with members of their own. */
export const engineItems: Readonly<Record<string, (model: UnifiedModel, families: FamilyTable) => Json>> = {
  unified: unifiedItem,
  litellm: (model) => openaiItem(model, ownerOf(model, 'openai')),
  omlx: (model) => openaiItem(model, ownerOf(model, 'omlx')),
  lmstudio: lmStudioItem,
  lemonade: (model) => ({
    ...openaiItem(model, ownerOf(model, 'lemonade')),
    checkpoint: rawOf(model, 'checkpoint') ?? model.name,
    recipe: rawOf(model, 'recipe') ?? '',
    downloaded: rawOf(model, 'downloaded') ?? true,
  }),
  vllm: (model) => vllmItem(model, 'vllm'),
  'vllm-mlx': (model) => vllmItem(model, 'vllm-mlx'),
  lmdeploy: (model) => vllmItem(model, 'lmdeploy'),
  sglang: (model) => ({
    ...openaiItem(model, ownerOf(model, 'sglang')),
    root: model.name,
    parent: rawOf(model, 'parent') ?? null,
    ...(model.contextLength === undefined ? {} : { max_model_len: model.contextLength }),
    supports_vision: model.type === 'vlm',
    radix_cache_size: rawOf(model, 'radix_cache_size') ?? 0,
    spec_decoding: rawOf(model, 'spec_decoding') ?? false,
    frontend_enabled: rawOf(model, 'frontend_enabled') ?? false,
  }),
  llamacpp: (model) => ({
    ...openaiItem(model, 'llamacpp'),
    ...(rawOf(model, 'meta') === undefined ? {} : { meta: rawOf(model, 'meta') }),
  }),
  'docker-model-runner': (model) => openaiItem(model, ownerOf(model, 'docker')),
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

function vllmItem(model: UnifiedModel, engine: string): Json {
  const created = seconds(model.createdMs)
  return {
    ...openaiItem(model, ownerOf(model, engine)),
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

/** The organization in the model's name, else the owner that the engine reports, else the engine. */
function ownerOf(model: UnifiedModel, engine: string): string {
  const organization = model.name.includes('/') ? model.name.split('/', 1)[0] : undefined
  return organization ?? model.publisher ?? engine
}

function rawOf(model: UnifiedModel, key: string): unknown {
  return model.sources.map(({ listed }) => listed.raw[key]).find((value) => value !== undefined)
}
