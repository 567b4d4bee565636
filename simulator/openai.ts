import { createHash } from 'node:crypto'
import type { Answer } from './answer.ts'
import type { SimulatorState } from './model.ts'
import { findModel, type JsonObject, jsonBody, paceMs, type SimulatorRequest } from './request.ts'
import { answerTokens, countTokens, wantedTokens } from './tokens.ts'

/** Deterministic, as everything in an answer: tests compare. */
const created = 1_700_000_000

interface Generation {
  readonly id: string
  readonly object: string
  readonly model: string
  readonly tokens: readonly string[]
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
}

function openAiError(answer: Answer, status: number, message: string, code: string): void {
  answer.json({ error: { message, type: 'invalid_request_error', param: null, code } }, status)
}

/** The body, and the model it names; answers 400 or 404 itself where either is missing. */
function readRequest(
  state: SimulatorState,
  request: SimulatorRequest,
  answer: Answer,
): JsonObject | undefined {
  const body = jsonBody(request)
  if (body === undefined) {
    openAiError(answer, 400, 'We could not parse the JSON body of your request.', 'invalid_json')
    return undefined
  }
  if (findModel(state, body) !== undefined) return body
  openAiError(answer, 404, `The model \`${String(body.model)}\` does not exist.`, 'model_not_found')
  return undefined
}

export function chatCompletions(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  generate(state, request, answer, 'chat.completion')
}

export function completions(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  generate(state, request, answer, 'text_completion')
}

function generate(state: SimulatorState, request: SimulatorRequest, answer: Answer, object: string): void {
  const body = readRequest(state, request, answer)
  if (body === undefined) return
  const tokens = answerTokens(state.name, wantedTokens(body.max_completion_tokens, body.max_tokens))
  const prompt = countTokens(body.messages, body.prompt)
  const generation: Generation = {
    id: 'chatcmpl-simulated',
    object,
    model: String(body.model),
    tokens,
    usage: { prompt_tokens: prompt, completion_tokens: tokens.length, total_tokens: prompt + tokens.length },
  }
  if (body.stream === true) {
    const includeUsage = isObject(body.stream_options) && body.stream_options.include_usage === true
    const parts =
      object === 'chat.completion'
        ? chatChunks(generation, includeUsage)
        : textChunks(generation, includeUsage)
    answer.stream(parts, 'text/event-stream; charset=utf-8', state.timeToFirstTokenMs, paceMs(state))
    return
  }
  const text = tokens.join('')
  const choice =
    object === 'chat.completion'
      ? { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }
      : { index: 0, text, finish_reason: 'stop' }
  const { id, model, usage } = generation
  const whole = { id, object, created, model, choices: [choice], usage }
  setTimeout(() => answer.json(whole), state.timeToFirstTokenMs + paceMs(state) * tokens.length)
}

function chatChunks(generation: Generation, includeUsage: boolean): string[] {
  const chunk = (choices: unknown[], extra: JsonObject = {}) =>
    event({
      id: generation.id,
      object: 'chat.completion.chunk',
      created,
      model: generation.model,
      choices,
      ...extra,
    })
  return [
    chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]),
    ...generation.tokens.map((content) => chunk([{ index: 0, delta: { content }, finish_reason: null }])),
    chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]),
    ...(includeUsage ? [chunk([], { usage: generation.usage })] : []),
    'data: [DONE]\n\n',
  ]
}

function textChunks(generation: Generation, includeUsage: boolean): string[] {
  const { id, object, model } = generation
  const chunk = (choices: unknown[], extra: JsonObject = {}) =>
    event({ id, object, created, model, choices, ...extra })
  return [
    ...generation.tokens.map((text) => chunk([{ index: 0, text, finish_reason: null }])),
    chunk([{ index: 0, text: '', finish_reason: 'stop' }]),
    ...(includeUsage ? [chunk([], { usage: generation.usage })] : []),
    'data: [DONE]\n\n',
  ]
}

export function embeddings(state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  const body = readRequest(state, request, answer)
  if (body === undefined) return
  const inputs = Array.isArray(body.input) ? body.input : [body.input]
  const tokens = countTokens(inputs)
  answer.json({
    object: 'list',
    model: body.model,
    data: inputs.map((input, index) => ({ object: 'embedding', index, embedding: vector(String(input)) })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  })
}

/** A short vector that depends on the text alone. */
export function vector(text: string): number[] {
  const digest = createHash('sha256').update(text).digest()
  return Array.from({ length: 8 }, (_, index) => (digest.readUInt16BE(index * 2) - 32_768) / 32_768)
}

export function transcriptions(_state: SimulatorState, request: SimulatorRequest, answer: Answer): void {
  const sha256 = createHash('sha256').update(request.body).digest('hex')
  answer.json({ text: `heard ${request.body.length} bytes`, bytes: request.body.length, sha256 })
}

function event(body: unknown): string {
  return `data: ${JSON.stringify(body)}\n\n`
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null
}

/** `GET /v1/models`, with what each kind adds to an entry. */
export function modelList(state: SimulatorState, answer: Answer): void {
  const data = state.models.map((model) => ({
    id: model.name,
    object: 'model',
    created,
    owned_by: ownerOf(state.kind),
    ...(state.kind === 'vllm' || state.kind === 'sglang'
      ? { root: model.name, parent: null, max_model_len: model.contextLength ?? 8192 }
      : {}),
    ...(state.kind === 'llamacpp'
      ? { meta: { n_ctx_train: model.contextLength ?? 8192, size: model.sizeBytes ?? 4e9 } }
      : {}),
  }))
  answer.json({ object: 'list', data })
}

function ownerOf(kind: SimulatorState['kind']): string {
  if (kind === 'lm-studio') return 'organization_owner'
  if (kind === 'ollama') return 'library'
  return kind === 'openai-compatible' || kind === 'litellm' ? 'openai' : kind
}
