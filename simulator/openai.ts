import type { CompleteModel } from './model.ts'
import type { Frame } from './pace.ts'
import { isObject, type JsonObject } from './request.ts'
import {
  around,
  askedModel,
  type Exchange,
  inference,
  info,
  listOf,
  modelNamed,
  type RouteTable,
  token,
} from './route.ts'
import { scriptedChat } from './scripted-chat.ts'
import { answerLength, answerText, answerToken, countTokens } from './tokens.ts'
import { embeddingOf } from './vectors.ts'

/** Deterministic like all of an answer, since tests compare answers. */
const created = 1_700_000_000
const eventStream = 'text/event-stream; charset=utf-8'

export interface OpenAiListing {
  readonly ownedBy: string
  /** Fields that the backend type adds to each entry. */
  readonly extra?: (model: CompleteModel) => JsonObject
  /** Fields that the backend type adds beside the entries. */
  readonly beside?: (models: readonly CompleteModel[]) => JsonObject
}

/** The routes below `/v1` that every OpenAI-compatible server has. */
export function openAiRoutes({ ownedBy, extra, beside }: OpenAiListing): RouteTable {
  const entry = (model: CompleteModel) => ({
    id: model.name,
    object: 'model',
    created,
    owned_by: ownedBy,
    ...extra?.(model),
  })
  return {
    'POST /chat/completions': inference(chatCompletions),
    'POST /completions': inference(completions),
    'POST /embeddings': inference(embeddings),
    'GET /models': info(({ state, answer }) => {
      answer.json({ ...beside?.(state.models), object: 'list', data: state.models.map(entry) })
    }),
    'GET /models/*': info(({ state, request, answer }) => {
      const at = request.path.indexOf('/models/') + '/models/'.length
      answer.json(entry(modelNamed(state, decodeURIComponent(request.path.slice(at)))))
    }),
  }
}

interface Generation {
  readonly name: string
  readonly head: { readonly id: string; readonly created: number; readonly model: string }
  readonly tokens: number
  readonly finishReason: 'stop' | 'length'
  readonly usage: JsonObject
  readonly includeUsage: boolean
}

function readGeneration(
  { state, request }: Exchange,
  body: JsonObject,
  id: string,
  prompt: unknown,
): Generation {
  const model = askedModel(state, body).name
  const { tokens, isCut } = answerLength(body.max_completion_tokens, body.max_tokens)
  const promptTokens = countTokens(prompt)
  return {
    name: state.name,
    head: { id: `${id}-${request.bodySha256.slice(0, 24)}`, created, model },
    tokens,
    finishReason: isCut ? 'length' : 'stop',
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens,
    },
    includeUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
  }
}

export function chatCompletions(exchange: Exchange): void {
  const body = exchange.request.json()
  const messages = listOf(body.messages, 'messages')
  const generation = readGeneration(exchange, body, 'chatcmpl', messages)
  const script = exchange.state.takeScript()
  if (script !== undefined) {
    scriptedChat(exchange, script, {
      head: generation.head,
      promptTokens: countTokens(messages),
      includeUsage: generation.includeUsage,
      isStream: body.stream === true,
      reasoningField: /^(?:ollama|vllm)$/.test(exchange.state.kind) ? 'reasoning' : 'reasoning_content',
    })
    return
  }
  if (body.stream === true) {
    exchange.answer.stream(chatChunks(generation), eventStream)
    return
  }
  const { name, head, tokens, finishReason, usage } = generation
  exchange.answer.generated(tokens, () => {
    const message = { role: 'assistant', content: answerText(name, tokens) }
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
    return { ...head, object: 'chat.completion', choices, usage }
  })
}

function* chatChunks(generation: Generation): Generator<Frame> {
  const { name, head, tokens, finishReason } = generation
  const chunk = (delta: JsonObject, reason: string | null = null) =>
    event({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: reason }],
    })
  yield around(chunk({ role: 'assistant', content: '' }))
  for (let index = 0; index < tokens; index++) yield token(chunk({ content: answerToken(name, index) }))
  yield around(chunk({}, finishReason))
  yield* ending(generation, 'chat.completion.chunk')
}

export function completions(exchange: Exchange): void {
  const body = exchange.request.json()
  const generation = readGeneration(exchange, body, 'cmpl', body.prompt)
  if (body.stream === true) {
    exchange.answer.stream(textChunks(generation), eventStream)
    return
  }
  const { name, head, tokens, finishReason, usage } = generation
  exchange.answer.generated(tokens, () => {
    const choices = [
      { index: 0, text: answerText(name, tokens), logprobs: null, finish_reason: finishReason },
    ]
    return { ...head, object: 'text_completion', choices, usage }
  })
}

function* textChunks(generation: Generation): Generator<Frame> {
  const { name, head, tokens, finishReason } = generation
  const chunk = (text: string, reason: string | null) =>
    event({ ...head, object: 'text_completion', choices: [{ index: 0, text, finish_reason: reason }] })
  for (let index = 0; index < tokens; index++) {
    yield token(chunk(answerToken(name, index), index + 1 === tokens ? finishReason : null))
  }
  yield* ending(generation, 'text_completion')
}

function* ending({ includeUsage, head, usage }: Generation, object: string): Generator<Frame> {
  if (includeUsage) yield around(event({ ...head, object, choices: [], usage }))
  yield around('data: [DONE]\n\n')
}

function event(body: JsonObject): string {
  return `data: ${JSON.stringify(body)}\n\n`
}

export function embeddings({ state, request, answer }: Exchange): void {
  const body = request.json()
  const model = askedModel(state, body).name
  const isOneText = !Array.isArray(body.input) || body.input.every((item) => typeof item === 'number')
  const inputs = isOneText ? [body.input] : listOf(body.input, 'input')
  const tokens = countTokens(inputs)
  answer.generated(0, () => ({
    object: 'list',
    model,
    data: inputs.map((input, index) => {
      const vector = embeddingOf(input, body.dimensions)
      // The official client requests base64 by default.
      const embedding =
        body.encoding_format === 'base64'
          ? Buffer.from(Float32Array.from(vector).buffer).toString('base64')
          : vector
      return { object: 'embedding', index, embedding }
    }),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }))
}
