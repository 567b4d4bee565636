import { isObject, type JsonObject, numberField, textField } from '../../../kernel/json/json-fields.ts'
import { brokenAnswer } from '../answer/answer-builder.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../contract/embeddings.ts'
import type { WholeReading } from '../contract/whole.ts'
import { failureIn } from '../parts/failure.ts'
import { readVector } from '../parts/vectors.ts'
import { estimatedTokens } from './exchange-format.ts'

/**
 * Reads embeddings of any server: OpenAI's `data`, Ollama's `embeddings` or `embedding`, or llama.cpp's bare list.
 * Every input must have its vector: an answer with another number of vectors has failed.
 */
export function readEmbeddings(value: unknown, request: EmbeddingsRequest): WholeReading<EmbeddingsAnswer> {
  const body: JsonObject = isObject(value) ? value : {}
  const failure = failureIn(body)
  if (failure !== undefined) return { failure }
  const items = itemsOf(value)
  if (items === undefined) return broken('The endpoint sent something that is not an answer.')
  // A request without inputs only loads the model, with whatever text that takes.
  const count = request.inputs.length === 0 ? items.length : request.inputs.length
  if (items.length !== count) {
    return broken(`The endpoint sent ${items.length} embeddings for ${count} inputs.`)
  }
  const vectors = inOrder(items)
  if (vectors === undefined) return broken('The endpoint sent an embedding that is not a list of numbers.')
  const answer: EmbeddingsAnswer = {
    model: textField(body, 'model'),
    vectors,
    usage: { promptTokens: countedTokens(body) ?? estimate(request) },
    loadNs: numberField(body, 'load_duration'),
  }
  return { answer }
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return undefined
  const { data, embeddings, embedding } = value
  if (Array.isArray(data)) return data
  if (Array.isArray(embeddings)) return embeddings
  // Ollama's answer to an empty prompt.
  if (Array.isArray(embedding)) return embedding.length === 0 ? [] : [embedding]
  return typeof embedding === 'string' ? [embedding] : undefined
}

/** @returns undefined if a vector is missing, doubled or unreadable */
function inOrder(items: readonly unknown[]): readonly (readonly number[])[] | undefined {
  const vectors: (readonly number[] | undefined)[] = items.map(() => undefined)
  for (const [position, item] of items.entries()) {
    const index = isObject(item) ? (numberField(item, 'index') ?? position) : position
    const vector = readVector(isObject(item) ? item.embedding : item)
    if (vector === undefined || !(index in vectors) || vectors[index] !== undefined) return undefined
    vectors[index] = vector
  }
  const read = vectors.filter((vector) => vector !== undefined)
  return read.length === items.length ? read : undefined
}

function countedTokens(body: JsonObject): number | undefined {
  const { usage } = body
  const counted = isObject(usage)
    ? (numberField(usage, 'prompt_tokens') ?? numberField(usage, 'total_tokens'))
    : undefined
  return counted ?? numberField(body, 'prompt_eval_count')
}

function estimate({ inputs }: EmbeddingsRequest): number {
  let tokens = 0
  for (const input of inputs) {
    tokens += typeof input === 'string' ? estimatedTokens(input.length) : input.length
  }
  return tokens
}

function broken(message: string): { readonly failure: ReturnType<typeof brokenAnswer> } {
  return { failure: brokenAnswer(message) }
}
