import { createHash } from 'node:crypto'
import type { Answer } from './answer.ts'
import type { SimulatedModel, SimulatorState } from './model.ts'
import { vector } from './openai.ts'
import { findModel, type JsonObject, jsonBody, paceMs, type SimulatorRequest } from './request.ts'
import { answerTokens, countTokens, wantedTokens } from './tokens.ts'

const createdAt = '2026-01-01T00:00:00Z'
const nanoseconds = 1e6

export function tags(state: SimulatorState, answer: Answer): void {
  answer.json({ models: state.models.map(describe) })
}

export function runningModels(state: SimulatorState, answer: Answer): void {
  const loaded = state.models.filter((model) => model.loaded ?? true)
  answer.json({
    models: loaded.map((model) => ({
      ...describe(model),
      expires_at: '2030-01-01T00:00:00Z',
      size_vram: model.sizeBytes ?? 4e9,
    })),
  })
}

export function show(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  const body = jsonBody(request)
  const model = body === undefined ? undefined : findModel(state, body)
  if (model === undefined) {
    answer.json({ error: `model '${String(body?.model ?? '')}' not found` }, 404)
    return
  }
  const family = model.family ?? 'llama'
  answer.json({
    details: describe(model).details,
    model_info: { 'general.architecture': family, [`${family}.context_length`]: model.contextLength ?? 8192 },
    capabilities: ['completion'],
  })
}

export function chat(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  generate(state, request, answer, (content) => ({ message: { role: 'assistant', content } }))
}

export function generateText(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  generate(state, request, answer, (response) => ({ response }))
}

function generate(
  state: SimulatorState,
  request: SimulatorRequest,
  answer: Answer,
  shape: (text: string) => JsonObject,
): void {
  const body = readRequest(state, request, answer)
  if (body === undefined) return
  const limits = typeof body.options === 'object' && body.options !== null ? (body.options as JsonObject) : {}
  const tokens = answerTokens(state.name, wantedTokens(limits.num_predict))
  const common = { model: body.model, created_at: createdAt }
  const end = {
    done: true,
    done_reason: 'stop',
    total_duration: (state.timeToFirstTokenMs + paceMs(state) * tokens.length) * nanoseconds,
    load_duration: nanoseconds,
    prompt_eval_count: countTokens(body.messages, body.prompt),
    prompt_eval_duration: state.timeToFirstTokenMs * nanoseconds,
    eval_count: tokens.length,
    eval_duration: paceMs(state) * tokens.length * nanoseconds,
  }
  if (body.stream === false) {
    const whole = { ...common, ...shape(tokens.join('')), ...end }
    setTimeout(() => answer.json(whole), state.timeToFirstTokenMs + paceMs(state) * tokens.length)
    return
  }
  const lines = [
    ...tokens.map((token) => ({ ...common, ...shape(token), done: false })),
    { ...common, ...shape(''), ...end },
  ]
  const parts = lines.map((line) => `${JSON.stringify(line)}\n`)
  answer.stream(parts, 'application/x-ndjson', state.timeToFirstTokenMs, paceMs(state))
}

export function embed(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  const body = readRequest(state, request, answer)
  if (body === undefined) return
  if (request.path === '/api/embeddings') {
    answer.json({ embedding: vector(String(body.prompt)) })
    return
  }
  const inputs: unknown[] = Array.isArray(body.input) ? body.input : [body.input]
  answer.json({
    model: body.model,
    embeddings: inputs.map((input) => vector(String(input))),
    prompt_eval_count: countTokens(inputs),
  })
}

function readRequest(
  state: SimulatorState,
  request: SimulatorRequest,
  answer: Answer,
): JsonObject | undefined {
  const body = jsonBody(request)
  if (body === undefined) {
    answer.json({ error: 'invalid JSON in request body' }, 400)
    return undefined
  }
  if (findModel(state, body) !== undefined) return body
  answer.json({ error: `model '${String(body.model)}' not found` }, 404)
  return undefined
}

function describe(model: SimulatedModel) {
  return {
    name: model.name,
    model: model.name,
    modified_at: createdAt,
    size: model.sizeBytes ?? 4_000_000_000,
    digest: model.digest ?? createHash('sha256').update(model.name).digest('hex'),
    details: {
      parent_model: '',
      format: 'gguf',
      family: model.family ?? 'llama',
      families: [model.family ?? 'llama'],
      parameter_size: model.parameterSize ?? '7B',
      quantization_level: model.quantization ?? 'Q4_0',
    },
  }
}
