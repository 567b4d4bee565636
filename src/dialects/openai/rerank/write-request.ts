import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Fates } from '../../hub/contract/features.ts'
import type { RankingRequest } from '../../hub/contract/ranking.ts'

/** What every request to rank has; the gateway itself limits results and adds documents. */
const sharedFates = {
  top_n: 'kept',
  return_documents: 'mapped',
  max_tokens_per_document: 'dropped',
  several_queries: 'refused',
  rank_fields: 'refused',
  engine_options: 'refused',
  truncation: 'dropped',
} satisfies Fates

export const rerankFates: Fates = sharedFates
export const cohereRerankFates: Fates = { ...sharedFates, max_tokens_per_document: 'kept' }
export const textsRerankFates: Fates = sharedFates
export const scoreFates: Fates = { ...sharedFates, top_n: 'mapped', several_queries: 'kept' }

/** Writes a request for `/v1/rerank`. Documents are plain texts, the only form that every engine accepts. */
export function writeRerankRequest({ queries, documents, topN }: RankingRequest, model: string): JsonObject {
  return {
    model,
    query: queries[0] ?? '',
    documents,
    ...(topN === undefined ? {} : { top_n: topN }),
    // The gateway has them already.
    return_documents: false,
  }
}

/** Writes a request for Cohere's `/v2/rerank`, which rejects unknown fields. */
export function writeCohereRerankRequest(request: RankingRequest, model: string): JsonObject {
  const { queries, documents, topN, maxTokensPerDocument } = request
  return {
    model,
    query: queries[0] ?? '',
    documents,
    ...(topN === undefined ? {} : { top_n: topN }),
    ...(maxTokensPerDocument === undefined ? {} : { max_tokens_per_doc: maxTokensPerDocument }),
  }
}

/** Writes a request of Text Embeddings Inference, which always returns all scores. */
export function writeTextsRerankRequest({ queries, documents }: RankingRequest, model: string): JsonObject {
  return { model, query: queries[0] ?? '', texts: documents, return_text: false }
}

/** Writes a request for vLLM's `/score`. */
export function writeScoreRequest({ queries, documents }: RankingRequest, model: string): JsonObject {
  return { model, text_1: queries.length > 1 ? queries : (queries[0] ?? ''), text_2: documents }
}
