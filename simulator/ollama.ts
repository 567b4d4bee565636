import type { CompleteModel } from './model.ts'
import type { Frame } from './pace.ts'
import { rejectionStyles } from './rejections.ts'
import { isObject, type JsonObject } from './request.ts'
import { around, askedModel, type Exchange, inference, info, type RouteTable, token } from './route.ts'
import { answerLength, answerText, answerToken, countTokens } from './tokens.ts'
import { embeddingOf } from './vectors.ts'

const modifiedAt = '2026-01-01T00:00:00Z'
/** Ollama reports this expiry for a model that stays loaded until another one needs the memory. */
const expiresAt = '2318-01-01T00:00:00Z'
const native = rejectionStyles.ollama

/** Ollama's own routes. */
export const ollamaRoutes: RouteTable = {
  'GET /': info(({ answer }) => answer.text('Ollama is running', 'text/plain; charset=utf-8'), native),
  'GET /api/version': info(({ state, answer }) => answer.json({ version: state.version }), native),
  'GET /api/tags': info(({ state, answer }) => answer.json({ models: state.models.map(tag) }), native),
  'GET /api/ps': info(runningModels, native),
  'POST /api/show': info(show, native),
  'POST /api/chat': inference(chat, native),
  'POST /api/generate': inference(generate, native),
  'POST /api/embed': inference(embed, native),
  'POST /api/embeddings': inference(embedOne, native),
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
      [`${model.family}.context_length`]: model.contextLength,
    },
    capabilities: model.type === 'embeddings' ? ['embedding'] : ['completion'],
    modified_at: modifiedAt,
  })
}

function chat(exchange: Exchange): void {
  const body = exchange.request.json()
  const hasPrompt = Array.isArray(body.messages) && body.messages.length > 0
  answerPrompt(exchange, body, hasPrompt ? [body.messages] : undefined, (content) => ({
    message: { role: 'assistant', content },
  }))
}

function generate(exchange: Exchange): void {
  const body = exchange.request.json()
  const hasPrompt = typeof body.prompt === 'string' && body.prompt !== ''
  answerPrompt(exchange, body, hasPrompt ? [body.system, body.prompt] : undefined, (response) => ({
    response,
  }))
}

/** @param prompt undefined only loads the model */
function answerPrompt(
  { state, answer }: Exchange,
  body: JsonObject,
  prompt: readonly unknown[] | undefined,
  shape: (text: string) => JsonObject,
): void {
  const head = () => ({ model: body.model, created_at: new Date().toISOString() })
  const startedMs = performance.now()
  askedModel(state, body)
  if (prompt === undefined) {
    answer.json({ ...head(), ...shape(''), done: true, done_reason: 'load' })
    return
  }
  const { tokens, isCut } = answerLength(isObject(body.options) ? body.options.num_predict : undefined)
  let firstTokenMs = startedMs
  const end = () => ({
    done: true,
    done_reason: isCut ? 'length' : 'stop',
    total_duration: nanosecondsSince(startedMs),
    load_duration: 1_000_000,
    prompt_eval_count: countTokens(prompt),
    prompt_eval_duration: Math.round((firstTokenMs - startedMs) * 1e6),
    eval_count: tokens,
    eval_duration: nanosecondsSince(firstTokenMs),
  })
  if (body.stream === false) {
    answer.generated(tokens, () => ({ ...head(), ...shape(answerText(state.name, tokens)), ...end() }))
    return
  }
  answer.stream(lines(), 'application/x-ndjson')

  function* lines(): Generator<Frame> {
    firstTokenMs = performance.now()
    for (let index = 0; index < tokens; index++) {
      yield token(line({ ...head(), ...shape(answerToken(state.name, index)), done: false }))
    }
    yield around(line({ ...head(), ...shape(''), ...end() }))
  }
}

function embed({ state, request, answer }: Exchange): void {
  const body = request.json()
  askedModel(state, body)
  const inputs: readonly unknown[] = Array.isArray(body.input) ? body.input : [body.input]
  const startedMs = performance.now()
  answer.generated(0, () => ({
    model: body.model,
    embeddings: inputs.map((input) => embeddingOf(input, body.dimensions)),
    total_duration: nanosecondsSince(startedMs),
    load_duration: 1_000_000,
    prompt_eval_count: countTokens(inputs),
  }))
}

/** The older route, for one text. */
function embedOne({ state, request, answer }: Exchange): void {
  const body = request.json()
  askedModel(state, body)
  answer.generated(0, () => ({ embedding: embeddingOf(body.prompt) }))
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

function line(body: JsonObject): string {
  return `${JSON.stringify(body)}\n`
}

/** At least 1: clients read a zero duration as missing. */
function nanosecondsSince(startMs: number): number {
  return Math.max(1, Math.round((performance.now() - startMs) * 1e6))
}
