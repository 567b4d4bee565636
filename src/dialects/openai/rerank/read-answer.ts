import {
  isObject,
  type JsonObject,
  numberField,
  objectField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import { brokenAnswer } from '../../hub/answer/answer-builder.ts'
import type { DocumentScore, RankingAnswer, RankingRequest } from '../../hub/contract/ranking.ts'
import type { WholeReading } from '../../hub/contract/whole.ts'
import { estimatedTokens } from '../../hub/exchange/exchange-format.ts'
import { failureIn } from '../../hub/parts/failure.ts'

/**
 * Reads scores of any server: `results` of Jina, Cohere, vLLM and llama.cpp, `data` of vLLM's `/score` and of Voyage, or
 * the bare list of Text Embeddings Inference, llama.cpp and SGLang.
 */
export function readRanking(value: unknown, request: RankingRequest): WholeReading<RankingAnswer> {
  const body: JsonObject = isObject(value) ? value : {}
  const failure = failureIn(body)
  if (failure !== undefined) return { failure }
  const items = itemsOf(value)
  if (items === undefined) return broken('The endpoint sent something that is not an answer.')
  const scores = readScores(items, request.documents.length)
  if (scores === undefined) return broken('The endpoint sent scores that do not belong to the documents.')
  const answer: RankingAnswer = {
    model: textField(body, 'model'),
    scores,
    usage: { promptTokens: countedTokens(body) ?? countedItems(items) ?? estimate(request) },
  }
  return { answer }
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return undefined
  const { results, data } = value
  if (Array.isArray(results)) return results
  return Array.isArray(data) ? data : undefined
}

/** @returns undefined if one has no score, or does not belong to exactly one document */
function readScores(items: readonly unknown[], count: number): readonly DocumentScore[] | undefined {
  const seen = new Set<number>()
  const scores: DocumentScore[] = []
  for (const [position, item] of items.entries()) {
    if (!isObject(item)) return undefined
    const index = numberField(item, 'index') ?? position
    const score = scoreOf(item)
    if (score === undefined || !Number.isInteger(index) || index < 0 || index >= count) return undefined
    if (seen.has(index)) return undefined
    seen.add(index)
    scores.push({ index, score })
  }
  return scores.length === 0 ? undefined : scores
}

function scoreOf(item: JsonObject): number | undefined {
  const { score } = item
  if (Array.isArray(score) && score.length === 1) return numberField({ score: score[0] }, 'score')
  return numberField(item, 'relevance_score') ?? numberField(item, 'score')
}

function countedTokens(body: JsonObject): number | undefined {
  const { usage, meta } = body
  if (isObject(usage)) return numberField(usage, 'prompt_tokens') ?? numberField(usage, 'total_tokens')
  if (!isObject(meta)) return undefined
  const tokens = objectField(meta, 'tokens') ?? objectField(meta, 'billed_units')
  return tokens === undefined ? undefined : numberField(tokens, 'input_tokens')
}

/** SGLang counts each document. */
function countedItems(items: readonly unknown[]): number | undefined {
  let sum: number | undefined
  for (const item of items) {
    const info = isObject(item) ? objectField(item, 'meta_info') : undefined
    const tokens = info === undefined ? undefined : numberField(info, 'prompt_tokens')
    if (tokens !== undefined) sum = (sum ?? 0) + tokens
  }
  return sum
}

/** A model reads the query with each document. */
function estimate({ queries, documents }: RankingRequest): number {
  let characters = 0
  for (const [index, document] of documents.entries()) {
    characters += document.length + (queries[index] ?? queries[0] ?? '').length
  }
  return estimatedTokens(characters)
}

function broken(message: string): { readonly failure: ReturnType<typeof brokenAnswer> } {
  return { failure: brokenAnswer(message) }
}
