import { createHash } from 'node:crypto'
import { Rejection } from './rejections.ts'
import type { JsonObject } from './request.ts'
import { askedModel, type Exchange, inference, listOf, type RouteTable } from './route.ts'
import { countTokens } from './tokens.ts'

/** vLLM: every result has its document, and `/score` compares pairs. */
export const vllmRankingRoutes: RouteTable = {
  'POST /rerank': inference(rerankAsVllm),
  'POST /v1/rerank': inference(rerankAsVllm),
  'POST /v2/rerank': inference(rerankAsVllm),
  'POST /score': inference(score),
  'POST /v1/score': inference(score),
}

/** llama.cpp: logits without documents, and a bare list for `texts`. */
export const llamacppRankingRoutes: RouteTable = Object.fromEntries(
  ['/rerank', '/v1/rerank', '/reranking', '/v1/reranking'].map((path) => [
    `POST ${path}`,
    inference(rerankAsLlamacpp),
  ]),
)

/** SGLang: a bare list with counts of each document. */
export const sglangRankingRoutes: RouteTable = { 'POST /v1/rerank': inference(rerankAsSglang) }

/** Cohere's form, below whatever prefix. */
export const cohereRankingRoutes: RouteTable = { 'POST /rerank': inference(rerankAsCohere) }

/** Jina's form, below whatever prefix. */
export const jinaRankingRoutes: RouteTable = { 'POST /rerank': inference(rerankAsJina) }

interface Ranking {
  readonly model: string
  readonly documents: readonly string[]
  readonly results: readonly { readonly index: number; readonly score: number }[]
  readonly tokens: number
}

/** @param most number of results for the request's `top_n` and the number of documents */
function rank({ state }: Exchange, body: JsonObject, most: (topN: number, count: number) => number): Ranking {
  const model = askedModel(state, body).name
  const { query, top_n: topN } = body
  if (typeof query !== 'string') throw new Rejection('bad_request', '"query" must be a string')
  const given = listOf(body.documents ?? body.texts, 'documents')
  const documents = given.filter((each) => typeof each === 'string')
  if (documents.length === 0 || documents.length < given.length) {
    throw new Rejection('bad_request', '"documents" must be a non-empty string array')
  }
  const scripted = state.takeScript()?.scores ?? []
  const scores = documents.map((text, index) => ({ index, score: scripted[index] ?? scoreOf(query, text) }))
  const sorted = scores.toSorted((one, other) => other.score - one.score)
  const count = most(typeof topN === 'number' ? topN : documents.length, documents.length)
  const tokens = documents.length * countTokens(query) + countTokens(documents)
  return { model, documents, results: sorted.slice(0, count), tokens }
}

/** vLLM reads 0 as all. */
const allForZero = (topN: number, count: number) => (topN > 0 ? topN : count)

function rerankAsVllm(exchange: Exchange): void {
  const { model, documents, results, tokens } = rank(exchange, exchange.request.json(), allForZero)
  exchange.answer.generated(0, () => ({
    id: `score-${exchange.request.bodySha256.slice(0, 24)}`,
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    results: results.map(({ index, score: found }) => ({
      index,
      document: { text: documents[index], multi_modal: null },
      relevance_score: found,
    })),
  }))
}

function rerankAsLlamacpp(exchange: Exchange): void {
  const body = exchange.request.json()
  const { model, documents, results, tokens } = rank(exchange, body, (topN) => Math.max(0, topN))
  const logits = results.map(({ index, score: found }) => ({ index, score: logit(found) }))
  const withText = (index: number) => (body.return_text === true ? { text: documents[index] } : {})
  exchange.answer.generated(0, () =>
    body.texts === undefined
      ? {
          model,
          object: 'list',
          usage: { prompt_tokens: tokens, total_tokens: tokens },
          results: logits.map(({ index, score: found }) => ({ index, relevance_score: found })),
        }
      : logits.map((result) => ({ ...result, ...withText(result.index) })),
  )
}

function rerankAsSglang(exchange: Exchange): void {
  const body = exchange.request.json()
  const { documents, results } = rank(exchange, body, (topN) => {
    if (topN < 1) throw new Rejection('bad_request', 'parameter top_n should be larger than 0.')
    return topN
  })
  const isShown = body.return_documents !== false
  exchange.answer.generated(0, () =>
    results.map(({ index, score: found }) => ({
      score: found,
      ...(isShown ? { document: documents[index] } : {}),
      index,
      meta_info: { prompt_tokens: countTokens(body.query, documents[index]) },
    })),
  )
}

function rerankAsCohere(exchange: Exchange): void {
  const body = exchange.request.json()
  const { documents, results, tokens } = rank(exchange, body, allForZero)
  exchange.answer.generated(0, () => ({
    id: `rerank-${exchange.request.bodySha256.slice(0, 24)}`,
    results: results.map(({ index, score: found }) => ({
      index,
      relevance_score: found,
      ...(body.return_documents === true ? { document: { text: documents[index] } } : {}),
    })),
    meta: { billed_units: { total_tokens: tokens }, tokens: { input_tokens: tokens } },
  }))
}

function rerankAsJina(exchange: Exchange): void {
  const body = exchange.request.json()
  const { model, documents, results, tokens } = rank(exchange, body, allForZero)
  exchange.answer.generated(0, () => ({
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    results: results.map(({ index, score: found }) => ({
      index,
      relevance_score: found,
      ...(body.return_documents === false ? {} : { document: { text: documents[index] } }),
    })),
  }))
}

function score(exchange: Exchange): void {
  const { state, request, answer } = exchange
  const body = request.json()
  const model = askedModel(state, body).name
  const first = sideOf(body.text_1 ?? body.data_1 ?? body.queries, 'text_1')
  const second = sideOf(body.text_2 ?? body.data_2 ?? body.documents ?? body.items, 'text_2')
  if (first.length > 1 && first.length !== second.length) {
    throw new Rejection('bad_request', 'Input lengths must be either 1:1, 1:N or N:N')
  }
  const scripted = state.takeScript()?.scores ?? []
  const pairs = second.map((text, index) => [first[index] ?? first[0] ?? '', text] as const)
  const tokens = countTokens(pairs)
  answer.generated(0, () => ({
    id: `score-${request.bodySha256.slice(0, 24)}`,
    object: 'list',
    created: 1_700_000_000,
    model,
    data: pairs.map(([one, other], index) => ({
      index,
      object: 'score',
      score: scripted[index] ?? scoreOf(one, other),
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, prompt_tokens_details: null },
  }))
}

function sideOf(value: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const texts = list.filter((each) => typeof each === 'string')
  if (texts.length === 0 || texts.length < list.length) {
    throw new Rejection('bad_request', `${name} is not a text, or a list of texts`)
  }
  return texts
}

/** From 0 to 1 exclusive; the share of the query's words in the document counts most, a hash decides the rest. */
function scoreOf(query: string, text: string): number {
  const words = query.toLowerCase().match(/\S+/g) ?? []
  const lower = text.toLowerCase()
  const found = words.filter((word) => lower.includes(word)).length
  const hash = createHash('sha256').update(`${query} ${text}`).digest().readUInt16BE(0)
  return (0.8 * found) / Math.max(1, words.length) + 0.1 + (0.1 * hash) / 65_536
}

/** llama.cpp does not apply the sigmoid. */
function logit(value: number): number {
  return value > 0 && value < 1 ? Math.log(value / (1 - value)) : value
}
