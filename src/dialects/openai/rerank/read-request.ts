import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { Feature } from '../../hub/contract/features.ts'
import type { RankingRequest } from '../../hub/contract/ranking.ts'
import { booleanField, integerField, invalidField, usedFields } from '../../hub/parts/request-fields.ts'

/** Fields of engines that change only the scale of the scores, or the order of the work. */
const engineFields = {
  raw_scores: 'none',
  use_activation: 'none',
  activation: 'none',
  softmax: 'none',
  priority: 'none',
  request_id: 'none',
  truncate_prompt_tokens: 'truncation',
  truncate: 'truncation',
  truncation: 'truncation',
  truncation_direction: 'none',
  instruct: 'engine_options',
  instruction: 'engine_options',
} satisfies Readonly<Record<string, Feature | 'none'>>

/** Of Jina, Cohere, vLLM and llama.cpp. */
export const rerankFields = {
  model: 'none',
  query: 'none',
  documents: 'none',
  top_n: 'top_n',
  // Voyage's name, which some clients send everywhere.
  top_k: 'top_n',
  return_documents: 'return_documents',
  max_tokens_per_doc: 'max_tokens_per_document',
  max_chunks_per_doc: 'none',
  rank_fields: 'rank_fields',
  ...engineFields,
} satisfies Readonly<Record<string, Feature | 'none'>>

/** Of Text Embeddings Inference; llama.cpp has the same form on the same paths. */
export const textsRerankFields = {
  model: 'none',
  query: 'none',
  texts: 'none',
  top_n: 'top_n',
  return_text: 'return_documents',
  ...engineFields,
} satisfies Readonly<Record<string, Feature | 'none'>>

/** Reads a request with `query` and `documents`. */
export function readRerankRequest(request: JsonObject): RankingRequest {
  const uses = usedFields(request, rerankFields)
  const documents = readTexts(request.documents, 'documents')
  const topN = readTopN(request, documents.length)
  if (topN === undefined) uses.delete('top_n')
  if (ranksByText(request.rank_fields)) uses.delete('rank_fields')
  return {
    queries: [readText(request.query, 'query')],
    documents,
    topN,
    returnsDocuments: booleanField(request, 'return_documents'),
    maxTokensPerDocument: integerField(request, 'max_tokens_per_doc'),
    uses,
  }
}

/** Reads a request with `query` and `texts`. */
export function readTextsRerankRequest(request: JsonObject): RankingRequest {
  const uses = usedFields(request, textsRerankFields)
  const documents = readTexts(request.texts, 'texts')
  const topN = readTopN(request, documents.length)
  if (topN === undefined) uses.delete('top_n')
  return {
    queries: [readText(request.query, 'query')],
    documents,
    topN,
    returnsDocuments: booleanField(request, 'return_text'),
    uses,
  }
}

/** Reads a list of texts, or of objects with a `text`. @throws GatewayError if it is empty */
export function readTexts(value: unknown, field: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalidField(field, 'must be a list of texts')
  const list: readonly unknown[] = value
  return list.map((each, index) => readText(each, `${field}.${index}`))
}

export function readText(value: unknown, field: string): string {
  const text = isObject(value) ? textField(value, 'text') : value
  if (typeof text === 'string') return text
  throw invalidField(field, 'must be a text; images and other content cannot be translated')
}

/**
 * The number of results: undefined if it limits nothing. 0 means all at vLLM, an error at SGLang, and none at llama.cpp,
 * and a number above that of the documents is an error at some servers, so endpoints never receive one.
 */
function readTopN(request: JsonObject, count: number): number | undefined {
  const topN = integerField(request, 'top_n') ?? integerField(request, 'top_k')
  return topN === undefined || topN < 1 || topN >= count ? undefined : topN
}

function ranksByText(fields: unknown): boolean {
  return Array.isArray(fields) && fields.length === 1 && fields[0] === 'text'
}
