import { chatCompletions } from './chat.ts'
import { completions } from './completions.ts'
import type { CompleteModel, SimulatorState } from './model.ts'
import { created } from './openai-events.ts'
import type { JsonObject } from './request.ts'
import { askedModel, type Exchange, inference, info, listOf, modelNamed, type RouteTable } from './route.ts'
import { countTokens } from './tokens.ts'
import { embeddingOf } from './vectors.ts'

export interface OpenAiListing {
  readonly ownedBy: string
  /** Fields that the backend type adds to each entry. */
  readonly extra?: (model: CompleteModel, state: SimulatorState) => JsonObject
  /** Fields that the backend type adds beside the entries. */
  readonly beside?: (models: readonly CompleteModel[]) => JsonObject
}

/** The routes below `/v1` that every OpenAI-compatible server has. */
export function openAiRoutes({ ownedBy, extra, beside }: OpenAiListing): RouteTable {
  const entry = (model: CompleteModel, state: SimulatorState) => ({
    id: model.name,
    object: 'model',
    created,
    owned_by: ownedBy,
    ...extra?.(model, state),
  })
  return {
    'POST /chat/completions': inference(chatCompletions),
    'POST /completions': inference(completions),
    'POST /embeddings': inference(embeddings),
    'GET /models': info(({ state, answer }) => {
      answer.json({
        ...beside?.(state.models),
        object: 'list',
        data: state.models.map((model) => entry(model, state)),
      })
    }),
    'GET /models/*': info(({ state, request, answer }) => {
      const at = request.path.indexOf('/models/') + '/models/'.length
      answer.json(entry(modelNamed(state, decodeURIComponent(request.path.slice(at))), state))
    }),
  }
}

function embeddings({ state, request, answer }: Exchange): void {
  const body = request.json()
  const model = askedModel(state, body).name
  const isOneText = !Array.isArray(body.input) || body.input.every((item) => typeof item === 'number')
  const inputs = isOneText ? [body.input] : listOf(body.input, 'input')
  const tokens = countTokens(inputs)
  answer.generated(0, () => ({
    object: 'list',
    model,
    data: inputs.map((input, index) => {
      // llama.cpp does not read `dimensions`.
      const vector = embeddingOf(input, state.kind === 'llamacpp' ? undefined : body.dimensions)
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

/** llama.cpp's own route: a bare list, of one vector for each sequence. */
export const nativeEmbeddingRoutes: RouteTable = {
  'POST /embedding': inference(({ request, answer }) => {
    const body = request.json()
    const given = body.input ?? body.content
    const inputs = Array.isArray(given) && given.some((item) => typeof item !== 'number') ? given : [given]
    answer.generated(0, () => inputs.map((input, index) => ({ index, embedding: [embeddingOf(input)] })))
  }),
}
