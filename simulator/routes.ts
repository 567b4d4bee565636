import { createHash } from 'node:crypto'
import type { Answer } from './answer.ts'
import { messages } from './anthropic.ts'
import type { SimulatorKind, SimulatorState } from './model.ts'
import { chat, embed, generateText, runningModels, show, tags } from './ollama.ts'
import { chatCompletions, completions, embeddings, modelList, transcriptions } from './openai.ts'
import type { SimulatorRequest } from './request.ts'

export type SimulatedRoute = (state: SimulatorState, request: SimulatorRequest, answer: Answer) => void
type Table = Readonly<Record<string, SimulatedRoute>>

const list: SimulatedRoute = (state, _request, answer) => modelList(state, answer)
const alive: SimulatedRoute = (_state, _request, answer) => answer.json({ status: 'ok' })
const version: SimulatedRoute = (state, _request, answer) => answer.json({ version: state.version })

const openAi: Table = {
  'GET /v1/models': list,
  'POST /v1/chat/completions': chatCompletions,
  'POST /v1/completions': completions,
  'POST /v1/embeddings': embeddings,
  'POST /v1/audio/transcriptions': transcriptions,
}

const nativeMessages: Table = { 'POST /v1/messages': messages }
const health: Table = { 'GET /health': alive }

/** The same routes under another path. */
function under(prefix: string, table: Table): Table {
  return Object.fromEntries(
    Object.entries(table).map(([key, route]) => {
      const [method, path] = key.split(' ')
      return [`${method} ${prefix}${path}`, route]
    }),
  )
}

function lmStudioList(state: SimulatorState, _request: SimulatorRequest, answer: Answer): void {
  const data = state.models.map((model) => ({
    id: model.name,
    object: 'model',
    type: model.type ?? 'llm',
    publisher: 'simulated',
    arch: model.family ?? 'llama',
    compatibility_type: 'gguf',
    quantization: model.quantization ?? 'Q4_K_M',
    state: (model.loaded ?? true) ? 'loaded' : 'not-loaded',
    max_context_length: model.contextLength ?? 8192,
  }))
  answer.json({ object: 'list', data })
}

/** What each kind serves; a path that is not here is a 404. */
const tables: Record<SimulatorKind, Table> = {
  ollama: {
    ...openAi,
    ...nativeMessages,
    'GET /': (_state, _request, answer) => answer.text('Ollama is running', 'text/plain; charset=utf-8'),
    'GET /api/version': version,
    'GET /api/tags': (state, _request, answer) => tags(state, answer),
    'GET /api/ps': (state, _request, answer) => runningModels(state, answer),
    'POST /api/show': show,
    'POST /api/chat': chat,
    'POST /api/generate': generateText,
    'POST /api/embed': embed,
    'POST /api/embeddings': embed,
  },
  'lm-studio': { ...openAi, ...nativeMessages, 'GET /api/v0/models': lmStudioList },
  vllm: { ...openAi, ...nativeMessages, ...health, 'GET /version': version },
  'vllm-mlx': { ...openAi, ...nativeMessages, ...health },
  sglang: {
    ...openAi,
    ...health,
    'GET /get_model_info': (state, _request, answer) =>
      answer.json({ model_path: state.models[0]?.name ?? '' }),
  },
  llamacpp: {
    ...openAi,
    ...nativeMessages,
    ...health,
    'GET /props': (state, _request, answer) =>
      answer.json({
        default_generation_settings: { n_ctx: state.models[0]?.contextLength ?? 8192 },
        total_slots: 4,
      }),
    'GET /slots': (_state, _request, answer) => answer.json([{ id: 0, is_processing: false }]),
  },
  lemonade: {
    ...under('/api', openAi),
    'GET /api/v1/health': alive,
    'GET /api/v1/system-info': (_state, _request, answer) => answer.json({ os: 'simulated' }),
  },
  litellm: {
    ...openAi,
    // What makes real calls to every provider; a probe must not end up here.
    ...health,
    'GET /health/liveness': (_state, _request, answer) => answer.json("I'm alive!"),
    'GET /health/liveliness': (_state, _request, answer) => answer.json("I'm alive!"),
    'GET /health/readiness': (_state, _request, answer) =>
      answer.json({ status: 'healthy', db: 'Not connected' }),
  },
  lmdeploy: {
    ...openAi,
    ...health,
    'GET /is_sleeping': (_state, _request, answer) => answer.json({ is_sleeping: false }),
  },
  omlx: {
    ...openAi,
    ...nativeMessages,
    ...health,
    'GET /v1/models/status': (state, _request, answer) =>
      answer.json({ models: state.models.map(({ name, loaded }) => ({ id: name, loaded: loaded ?? true })) }),
  },
  'docker-model-runner': { ...under('/engines', openAi), ...under('/anthropic', nativeMessages) },
  'openai-compatible': openAi,
}

/** Where each kind is asked whether it is well. */
const healthPaths: Partial<Record<SimulatorKind, string>> = {
  ollama: '/',
  'lm-studio': '/v1/models',
  lemonade: '/api/v1/health',
  litellm: '/health/readiness',
  'docker-model-runner': '/engines/v1/models',
  'openai-compatible': '/v1/models',
}

export function isHealthRoute(kind: SimulatorKind, path: string): boolean {
  return path === (healthPaths[kind] ?? '/health')
}

/** Routes that generate text: what is expensive on a real server. */
export function isGeneration(path: string): boolean {
  return /\/(?:chat\/completions|completions|messages|chat|generate)$/.test(path)
}

export function findRoute(kind: SimulatorKind, { method, path }: SimulatorRequest): SimulatedRoute {
  if (path.startsWith('/echo/')) return echo
  return tables[kind][`${method === 'HEAD' ? 'GET' : method} ${path}`] ?? notFound
}

function echo(_state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  answer.json({
    method: request.method,
    url: request.url,
    headers: request.rawHeaders,
    bytes: request.body.length,
    sha256: createHash('sha256').update(request.body).digest('hex'),
    body: request.body.toString('base64'),
  })
}

function notFound(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  if (state.kind === 'ollama') answer.text('404 page not found', 'text/plain', 404)
  else
    answer.json(
      { error: { message: `no route ${request.method} ${request.path}`, type: 'NotFoundError' } },
      404,
    )
}
