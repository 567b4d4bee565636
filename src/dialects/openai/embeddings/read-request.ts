import { type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { EmbeddingInput, EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { integerField, invalidField, usedFields } from '../../hub/parts/request-fields.ts'

export const embeddingsFields = {
  model: 'none',
  input: 'none',
  dimensions: 'dimensions',
  encoding_format: 'encoding',
  user: 'user',
  // Of engines, and not of OpenAI.
  input_type: 'input_type',
  task: 'input_type',
  task_type: 'input_type',
  prompt_name: 'input_type',
  instruction: 'input_type',
  truncate_prompt_tokens: 'truncation',
  add_special_tokens: 'engine_options',
  embd_normalize: 'engine_options',
  normalize: 'none',
  priority: 'none',
  request_id: 'none',
} satisfies Readonly<Record<string, Feature | 'none'>>

/** Reads a request for `/v1/embeddings`. */
export function readEmbeddingsRequest(request: JsonObject): EmbeddingsRequest {
  const inputs = readInputs(request.input)
  const uses = usedFields(request, embeddingsFields)
  if (inputs.length > 1) uses.add('several_prompts')
  if (inputs.some((input) => typeof input !== 'string')) uses.add('token_prompt')
  const encoding = readEncoding(request.encoding_format)
  if (encoding === 'float') uses.delete('encoding')
  return {
    inputs,
    dimensions: readDimensions(request),
    encoding,
    user: textField(request, 'user'),
    truncates: typeof request.truncate_prompt_tokens === 'number' ? true : undefined,
    uses,
  }
}

function readInputs(input: unknown): readonly EmbeddingInput[] {
  if (typeof input === 'string' && input !== '') return [input]
  if (!Array.isArray(input) || input.length === 0) {
    throw invalidField('input', 'must be a text that is not empty, a list of texts, or tokens')
  }
  const list: readonly unknown[] = input
  if (isTokens(list)) return [list]
  return list.map((each, index) => {
    if (typeof each === 'string' || isTokens(each)) return each
    throw invalidField(`input.${index}`, 'must be a text or a list of token IDs, as the others are')
  })
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => Number.isSafeInteger(each))
}

function readDimensions(request: JsonObject): number | undefined {
  const dimensions = integerField(request, 'dimensions')
  if (dimensions !== undefined && dimensions < 1) throw invalidField('dimensions', 'must be at least 1')
  return dimensions
}

function readEncoding(format: unknown): EmbeddingsRequest['encoding'] {
  if (format === undefined || format === null || format === 'float') return 'float'
  if (format === 'base64') return 'base64'
  throw invalidField('encoding_format', 'must be "float" or "base64"')
}
