import { messageAndCountRoutes, messageRoutes } from './anthropic.ts'
import { engineMetrics, llamaSlotList, llamaSlots } from './engine-metrics.ts'
import { echoRoutes, mediaRoutes } from './media.ts'
import type { CompleteModel, SimulatorKind } from './model.ts'
import {
  llamaRouterRoutes,
  lmStudioModelRoutes,
  routerStatus,
  sglangModelRoutes,
  vllmModelRoutes,
} from './model-memory.ts'
import { ollamaRoutes } from './ollama.ts'
import { nativeEmbeddingRoutes, openAiRoutes } from './openai.ts'
import {
  cohereRankingRoutes,
  jinaRankingRoutes,
  llamacppRankingRoutes,
  sglangRankingRoutes,
  vllmRankingRoutes,
} from './ranking.ts'
import { type RejectionStyle, rejectionStyles } from './rejections.ts'
import { responsesRoutes } from './responses.ts'
import { type Exchange, info, type RouteTable, since, under } from './route.ts'
import { messageTokenizer, templateTokenizer } from './tokenize.ts'

/** Everything that distinguishes one kind of server from another. */
export interface Kind {
  readonly version: string
  /** Default port of the real server. */
  readonly defaultPort: number
  readonly healthPath: string
  /** Whether the health route needs no key. */
  readonly isHealthPublic: boolean
  /** On every answer. */
  readonly headers?: Readonly<Record<string, string>>
  readonly rejections: RejectionStyle
  /** Other routes are rejected in the style of the kind. */
  readonly routes: RouteTable
}

const alive = info(({ answer }) => answer.json({ status: 'ok' }))
const empty = info(({ answer }) => answer.text('', 'text/plain; charset=utf-8'))
const versionRoute = info(({ state, answer }) => answer.json({ version: state.version }))
/** Servers that do not keep responses. */
const responses = responsesRoutes({ stores: false })
const storedResponses = responsesRoutes({ stores: true })
const maxModelLength = ({ name, contextLength }: CompleteModel) => ({
  root: name,
  parent: null,
  max_model_len: contextLength,
})

const lemonadeRoutes: RouteTable = {
  ...openAiRoutes({
    ownedBy: 'lemonade',
    extra: ({ name }) => ({ checkpoint: name, recipe: 'llamacpp', downloaded: true }),
  }),
  ...responses,
}

/** LiteLLM has them with and without `/v1`. */
const litellmRoutes: RouteTable = {
  ...openAiRoutes({ ownedBy: 'openai' }),
  ...storedResponses,
  ...cohereRankingRoutes,
}

const llamaOpenAi = openAiRoutes({
  ownedBy: 'llamacpp',
  extra: (model, state) => ({
    meta: { n_ctx_train: model.contextLength, size: model.sizeBytes },
    ...routerStatus(state, model),
  }),
  beside: (models) => ({ models: models.map(({ name }) => ({ name, model: name, type: 'model' })) }),
})

export const kinds: Record<SimulatorKind, Kind> = {
  ollama: {
    version: '0.14.1',
    defaultPort: 11434,
    healthPath: '/',
    isHealthPublic: true,
    rejections: rejectionStyles.ollamaOpenAi,
    routes: {
      ...echoRoutes,
      ...ollamaRoutes,
      ...under('/v1', {
        ...openAiRoutes({ ownedBy: 'library' }),
        ...since('0.14.0', messageRoutes),
        ...since('0.13.3', responses),
      }),
    },
  },
  'lm-studio': {
    version: '0.4.1',
    defaultPort: 1234,
    healthPath: '/v1/models',
    isHealthPublic: false,
    headers: { 'X-Powered-By': 'Express' },
    rejections: rejectionStyles.lmStudio,
    routes: {
      ...echoRoutes,
      ...under('/v1', {
        ...openAiRoutes({ ownedBy: 'organization_owner' }),
        ...since('0.4.1', messageRoutes),
        ...since('0.3.29', storedResponses),
      }),
      'GET /api/v0/models': info(lmStudioModels),
      ...lmStudioModelRoutes,
    },
  },
  vllm: {
    version: '0.12.0',
    defaultPort: 8000,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'uvicorn' },
    rejections: rejectionStyles.vllm,
    routes: {
      ...echoRoutes,
      ...under('/v1', {
        ...openAiRoutes({ ownedBy: 'vllm', extra: maxModelLength }),
        ...mediaRoutes,
        ...since('0.11.1', messageRoutes),
        ...since('0.10.0', responses),
      }),
      'GET /health': empty,
      'GET /metrics': engineMetrics.vllm,
      'GET /version': versionRoute,
      ...vllmModelRoutes,
      ...messageTokenizer,
      ...vllmRankingRoutes,
    },
  },
  'vllm-mlx': {
    version: '0.2.0',
    defaultPort: 8000,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'uvicorn' },
    rejections: rejectionStyles.vllm,
    routes: {
      ...echoRoutes,
      ...under('/v1', { ...openAiRoutes({ ownedBy: 'vllm-mlx' }), ...messageAndCountRoutes }),
      'GET /health': alive,
    },
  },
  sglang: {
    version: '0.5.6',
    defaultPort: 30000,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'uvicorn' },
    rejections: rejectionStyles.vllm,
    routes: {
      ...echoRoutes,
      ...under('/v1', { ...openAiRoutes({ ownedBy: 'sglang', extra: maxModelLength }), ...mediaRoutes }),
      ...sglangRankingRoutes,
      ...sglangModelRoutes,
      'GET /health': empty,
      'GET /metrics': engineMetrics.sglang,
      'GET /health_generate': info(({ answer }) => answer.generated(1, () => ({}))),
      'GET /get_model_info': info(({ state, answer }) =>
        answer.json({ model_path: state.models[0]?.name ?? '', is_generation: true }),
      ),
    },
  },
  llamacpp: {
    version: 'b9100-simulated',
    defaultPort: 8080,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'llama.cpp' },
    rejections: rejectionStyles.llamacpp,
    routes: {
      ...echoRoutes,
      ...under('/v1', {
        ...llamaOpenAi,
        ...since('b7200', messageAndCountRoutes),
        ...since('b7800', responses),
      }),
      ...pick('GET /models', llamaOpenAi),
      ...llamaRouterRoutes,
      ...llamacppRankingRoutes,
      ...nativeEmbeddingRoutes,
      'GET /health': alive,
      'GET /props': info(llamaProperties),
      ...templateTokenizer,
      'GET /metrics': engineMetrics.llamacpp,
      'GET /slots': info(llamaSlotList),
    },
  },
  lemonade: {
    version: '9.1.0',
    defaultPort: 8000,
    healthPath: '/api/v1/health',
    isHealthPublic: true,
    rejections: rejectionStyles.openai,
    routes: {
      ...echoRoutes,
      ...under('/v1', lemonadeRoutes),
      ...under('/api/v1', {
        ...lemonadeRoutes,
        ...mediaRoutes,
        'GET /health': info(({ state, answer }) =>
          answer.json({
            status: 'ok',
            model_loaded: state.models.find(({ loaded }) => loaded)?.name ?? null,
          }),
        ),
        'GET /stats': info(({ answer }) => answer.json({ time_to_first_token: 0, tokens_per_second: 0 })),
        'GET /system-info': info(({ answer }) => answer.json({ 'OS Version': 'simulated', devices: {} })),
      }),
    },
  },
  litellm: {
    version: '1.80.0',
    defaultPort: 4000,
    healthPath: '/health/readiness',
    isHealthPublic: true,
    headers: { Server: 'uvicorn', 'x-litellm-version': '1.80.0' },
    rejections: rejectionStyles.litellm,
    routes: {
      ...echoRoutes,
      ...litellmRoutes,
      ...under('/v1', { ...litellmRoutes, ...mediaRoutes, ...messageRoutes }),
      'GET /health': info(costlyHealth),
      'GET /health/readiness': info(({ state, answer }) =>
        answer.json({ status: 'healthy', db: 'Not connected', litellm_version: state.version }),
      ),
      'GET /health/liveness': info(({ answer }) => answer.json("I'm alive!")),
      'GET /health/liveliness': info(({ answer }) => answer.json("I'm alive!")),
    },
  },
  lmdeploy: {
    version: '0.10.2',
    defaultPort: 23333,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'uvicorn' },
    rejections: rejectionStyles.vllm,
    routes: {
      ...echoRoutes,
      ...without('POST /v1/embeddings', under('/v1', openAiRoutes({ ownedBy: 'lmdeploy' }))),
      'GET /health': empty,
      'GET /metrics': engineMetrics.lmdeploy,
      'GET /is_sleeping': info(({ answer }) => answer.json({ is_sleeping: false })),
    },
  },
  omlx: {
    version: '0.4.2',
    defaultPort: 8000,
    healthPath: '/health',
    isHealthPublic: true,
    headers: { Server: 'uvicorn' },
    rejections: rejectionStyles.vllm,
    routes: {
      ...echoRoutes,
      ...under('/v1', {
        ...openAiRoutes({ ownedBy: 'omlx' }),
        ...messageAndCountRoutes,
        ...responses,
        ...jinaRankingRoutes,
      }),
      'GET /health': alive,
      'GET /v1/models/status': info(({ state, answer }) =>
        answer.json({ models: state.models.map(({ name, loaded }) => ({ id: name, loaded })) }),
      ),
    },
  },
  'docker-model-runner': {
    version: '1.0.0',
    defaultPort: 12434,
    healthPath: '/engines/v1/models',
    isHealthPublic: false,
    rejections: rejectionStyles.dockerModelRunner,
    routes: {
      ...echoRoutes,
      ...under('/engines/v1', openAiRoutes({ ownedBy: 'docker' })),
      ...under('/engines/llama.cpp/v1', openAiRoutes({ ownedBy: 'docker' })),
      ...under('/anthropic/v1', messageAndCountRoutes),
    },
  },
  'openai-compatible': {
    version: '1.0.0',
    defaultPort: 8000,
    healthPath: '/v1/models',
    isHealthPublic: false,
    rejections: rejectionStyles.openai,
    routes: { ...echoRoutes, ...under('/v1', { ...openAiRoutes({ ownedBy: 'openai' }), ...mediaRoutes }) },
  },
}

function without(key: string, table: RouteTable): RouteTable {
  return Object.fromEntries(Object.entries(table).filter(([each]) => each !== key))
}

function pick(key: string, table: RouteTable): RouteTable {
  return Object.fromEntries(Object.entries(table).filter(([each]) => each === key))
}

function lmStudioModels({ state, answer }: Exchange): void {
  const data = state.models.map((model) => ({
    id: model.name,
    object: 'model',
    type: model.type,
    publisher: 'simulated',
    arch: model.family,
    compatibility_type: 'gguf',
    quantization: model.quantization,
    state: model.loaded ? 'loaded' : 'not-loaded',
    max_context_length: model.contextLength,
  }))
  answer.json({ object: 'list', data })
}

function llamaProperties({ state, answer }: Exchange): void {
  answer.json({
    default_generation_settings: { n_ctx: state.models[0]?.contextLength ?? 0 },
    total_slots: llamaSlots,
    model_path: state.models[0]?.name ?? '',
    build_info: state.version,
  })
}

/** LiteLLM runs a completion on every model here, which costs money: no probe may use this route. */
function costlyHealth({ state, answer }: Exchange): void {
  const { models } = state
  const body = { healthy_endpoints: models.map(({ name }) => ({ model: name })), unhealthy_endpoints: [] }
  answer.generated(1, () => ({ ...body, healthy_count: models.length, unhealthy_count: 0 }), models.length)
}
