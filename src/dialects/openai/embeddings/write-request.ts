import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { Fates } from '../../hub/contract/features.ts'

export const embeddingsFates: Fates = {
  dimensions: 'kept',
  encoding: 'kept',
  user: 'kept',
  several_prompts: 'kept',
  token_prompt: 'kept',
  input_type: 'refused',
  engine_options: 'refused',
  truncation: 'dropped',
  keep_alive: 'dropped',
  context_length: 'dropped',
}

/** Loading a model takes a request with some text. */
const loadText = 'load'

/** Writes a request for `/v1/embeddings`. */
export function writeEmbeddingsRequest(request: EmbeddingsRequest, model: string): JsonObject {
  const { inputs, dimensions, encoding, user } = request
  return {
    model,
    input: inputs.length > 1 ? inputs : (inputs[0] ?? loadText),
    ...(dimensions === undefined || inputs.length === 0 ? {} : { dimensions }),
    ...(encoding === 'float' ? {} : { encoding_format: encoding }),
    ...(user === undefined ? {} : { user }),
  }
}
