import type { WholeRequest, WholeUsage } from './whole.ts'

/** A request to rank documents by relevance, or to score pairs of texts, in terms of no API. */
export interface RankingRequest extends WholeRequest {
  /** One for all documents, or one for each. */
  readonly queries: readonly string[]
  readonly documents: readonly string[]
  /** Number of results, between 1 and the number of documents; undefined means all. */
  readonly topN: number | undefined
  /** Undefined leaves it to the client's API. */
  readonly returnsDocuments: boolean | undefined
  readonly maxTokensPerDocument?: number | undefined
}

export interface RankingAnswer {
  /** The endpoint's name for the model, if it reports one. */
  readonly model: string | undefined
  /** In the endpoint's order. */
  readonly scores: readonly DocumentScore[]
  readonly usage: WholeUsage
}

/**
 * Scores are passed on as the endpoint computes them. Some engines send logits (llama.cpp: ggml-org/llama.cpp#8555), and
 * others values from 0 to 1: only scores of one answer are comparable.
 */
export interface DocumentScore {
  /** Of the document in the request. */
  readonly index: number
  readonly score: number
}
