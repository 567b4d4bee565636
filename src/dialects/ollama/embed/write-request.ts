import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { Fates } from '../../hub/contract/features.ts'

/** `/api/embed` accepts no tokens. */
export const embedFates: Fates = {
  dimensions: 'kept',
  encoding: 'mapped',
  several_prompts: 'kept',
  token_prompt: 'refused',
  input_type: 'refused',
  engine_options: 'refused',
  truncation: 'mapped',
  keep_alive: 'kept',
  context_length: 'kept',
  user: 'dropped',
}

/** `/api/embeddings` has one text, and neither dimensions nor a choice of what happens to a long text. */
export const ollamaEmbeddingsFates: Fates = {
  dimensions: 'mapped',
  encoding: 'mapped',
  several_prompts: 'refused',
  token_prompt: 'refused',
  input_type: 'refused',
  engine_options: 'refused',
  truncation: 'dropped',
  keep_alive: 'kept',
  context_length: 'kept',
  user: 'dropped',
}

/** Writes a request for `/api/embed`. */
export function writeEmbedRequest(request: EmbeddingsRequest, model: string): JsonObject {
  const { inputs, dimensions, truncates } = request
  return {
    model,
    input: inputs.length === 1 ? inputs[0] : inputs,
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(truncates === undefined ? {} : { truncate: truncates }),
    ...loading(request),
  }
}

/** Writes a request for `/api/embeddings`. */
export function writeOllamaEmbeddingsRequest(request: EmbeddingsRequest, model: string): JsonObject {
  return { model, prompt: request.inputs[0] ?? '', ...loading(request) }
}

function loading({ keepAlive, options }: EmbeddingsRequest): JsonObject {
  return {
    ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    ...(options === undefined ? {} : { options }),
  }
}
