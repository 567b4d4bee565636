import type { CompleteModel } from './model.ts'
import { setLoaded } from './model-memory.ts'
import { chat, generate, nanosecondsSince } from './ollama-generation.ts'
import { ollamaManagementRoutes } from './ollama-management.ts'
import { Rejection, rejectionStyles } from './rejections.ts'
import type { JsonObject } from './request.ts'
import { askedModel, type Exchange, inference, info, type RouteTable } from './route.ts'
import { countTokens } from './tokens.ts'
import { embeddingOf } from './vectors.ts'

const modifiedAt = '2026-01-01T00:00:00Z'
/** Ollama reports this expiry for a model that stays loaded until another one needs the memory. */
const expiresAt = '2318-01-01T00:00:00Z'
const native = rejectionStyles.ollama

/** Ollama's own routes. */
export const ollamaRoutes: RouteTable = {
  'GET /': info(({ answer }) => answer.text('Ollama is running', 'text/plain; charset=utf-8'), native),
  'GET /api/version': info(({ state, answer }) => answer.json({ version: state.version }), native),
  'GET /api/tags': info(({ state, answer }) => answer.json({ models: state.models.map(listed) }), native),
  'GET /api/ps': info(runningModels, native),
  'POST /api/show': info(show, native),
  'POST /api/chat': inference(chat, native),
  'POST /api/generate': inference(generate, native),
  'POST /api/embed': inference(embed, native),
  'POST /api/embeddings': inference(embedOne, native),
  ...ollamaManagementRoutes,
}

function runningModels({ state, answer }: Exchange): void {
  answer.json({
    models: state.models
      .filter(({ loaded }) => loaded)
      .map((model) => ({
        ...tag(model),
        expires_at: expiresAt,
        size_vram: model.sizeBytes,
        context_length: model.contextLength,
      })),
  })
}

function show({ state, request, answer }: Exchange): void {
  const model = askedModel(state, request.json())
  answer.json({
    modelfile: `FROM ${model.name}\n`,
    template: '{{ .Prompt }}',
    details: details(model),
    model_info: {
      'general.architecture': model.family,
      'general.parameter_count': parameterCount(model.parameterSize),
      [`${model.family}.context_length`]: model.contextLength,
      // Ollama's CLI ends in a panic without it.
      [`${model.family}.embedding_length`]: 2_048,
    },
    capabilities: model.capabilities,
    modified_at: modifiedAt,
  })
}

function embed({ state, request, answer }: Exchange): void {
  const body = request.json()
  const { name } = askedModel(state, body)
  const inputs = inputsOf(body.input)
  if (inputs.length === 0) setLoaded(state, name, true)
  const startedMs = performance.now()
  // Numbers that are not between 1 and the size of the model limit nothing.
  const size = embeddingOf('').length
  const { dimensions: asked } = body
  const dimensions = typeof asked === 'number' && asked > 0 && asked < size ? asked : size
  answer.generated(0, () => ({
    model: body.model,
    embeddings: inputs.map((input) => embeddingOf(input, dimensions)),
    total_duration: nanosecondsSince(startedMs),
    load_duration: 1_000_000,
    prompt_eval_count: countTokens(inputs),
  }))
}

function inputsOf(input: unknown): readonly string[] {
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input ?? '']
  const texts = inputs.filter((each) => typeof each === 'string')
  if (texts.length < inputs.length) throw new Rejection('bad_request', 'invalid input type')
  return input === '' || input === undefined || input === null ? [] : texts
}

/** The older route, for one text. */
function embedOne({ state, request, answer }: Exchange): void {
  const body = request.json()
  askedModel(state, body)
  const { prompt } = body
  const hasPrompt = prompt !== undefined && prompt !== ''
  answer.generated(0, () => ({ embedding: hasPrompt ? embeddingOf(prompt) : [] }))
}

function tag(model: CompleteModel): JsonObject {
  return {
    name: model.name,
    model: model.name,
    modified_at: modifiedAt,
    size: model.sizeBytes,
    digest: model.digest,
    details: details(model),
  }
}

function listed(model: CompleteModel): JsonObject {
  return { ...tag(model), capabilities: model.capabilities }
}

function details(model: CompleteModel): JsonObject {
  return {
    parent_model: '',
    format: 'gguf',
    family: model.family,
    families: [model.family],
    parameter_size: model.parameterSize,
    quantization_level: model.quantization,
  }
}

/** @param size such as `7.6B` or `137M` */
function parameterCount(size: string): number {
  return Math.round(Number.parseFloat(size) * (size.endsWith('B') ? 1e9 : 1e6))
}
