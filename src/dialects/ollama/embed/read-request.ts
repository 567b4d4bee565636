import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import type { EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { booleanField, integerField, invalidField, usedFields } from '../../hub/parts/request-fields.ts'

export const embedFields = {
  model: 'none',
  name: 'none',
  input: 'none',
  dimensions: 'dimensions',
  truncate: 'truncation',
  keep_alive: 'keep_alive',
  // Of the options, only `num_ctx` concerns embeddings.
  options: 'context_length',
} satisfies Readonly<Record<string, Feature | 'none'>>

export const ollamaEmbeddingsFields = {
  model: 'none',
  name: 'none',
  prompt: 'none',
  keep_alive: 'keep_alive',
  options: 'context_length',
} satisfies Readonly<Record<string, Feature | 'none'>>

/** Reads a request for `/api/embed`. An empty input only loads the model. */
export function readEmbedRequest(request: JsonObject): EmbeddingsRequest {
  const inputs = readInputs(request.input)
  const dimensions = integerField(request, 'dimensions')
  const uses = usedFields(request, embedFields)
  if (inputs.length > 1) uses.add('several_prompts')
  // Ollama ignores a number below 1.
  const isCut = dimensions !== undefined && dimensions > 0
  if (!isCut) uses.delete('dimensions')
  const truncates = booleanField(request, 'truncate')
  // Cutting is the default; engines that never cut do what `false` requests.
  uses.delete('truncation')
  return {
    inputs,
    dimensions: isCut ? dimensions : undefined,
    encoding: 'float',
    truncates,
    ...loading(request),
    uses,
  }
}

/** Reads a request for the older `/api/embeddings`, which has one text. */
export function readOllamaEmbeddingsRequest(request: JsonObject): EmbeddingsRequest {
  const prompt = request.prompt ?? ''
  if (typeof prompt !== 'string') throw invalidField('prompt', 'must be a text')
  return {
    inputs: prompt === '' ? [] : [prompt],
    dimensions: undefined,
    encoding: 'float',
    ...loading(request),
    uses: usedFields(request, ollamaEmbeddingsFields),
  }
}

function readInputs(input: unknown): readonly string[] {
  if (input === undefined || input === null || input === '') return []
  if (typeof input === 'string') return [input]
  if (!Array.isArray(input)) throw invalidField('input', 'must be a text or a list of texts')
  const list: readonly unknown[] = input
  return list.map((each, index) => {
    if (typeof each === 'string') return each
    throw invalidField(`input.${index}`, 'must be a text')
  })
}

function loading({ keep_alive: given, options }: JsonObject): {
  keepAlive: string | number | undefined
  options: JsonObject | undefined
} {
  const keepAlive = given ?? undefined
  if (keepAlive !== undefined && typeof keepAlive !== 'string' && typeof keepAlive !== 'number') {
    throw invalidField('keep_alive', 'must be a duration or a number of seconds')
  }
  if (options !== undefined && options !== null && !isObject(options)) {
    throw invalidField('options', 'must be an object')
  }
  return { keepAlive, options: isObject(options) ? options : undefined }
}
