import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerFailure } from '../contract/answer.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../contract/embeddings.ts'
import type { Fates, Feature } from '../contract/features.ts'
import type { RankingAnswer, RankingRequest } from '../contract/ranking.ts'
import type { WholeCall, WholeReading, WholeRequest } from '../contract/whole.ts'

/**
 * One operation of an API whose answers are never streamed, such as `/v1/embeddings` or `/v1/rerank`. Operations of one
 * family translate into each other as those of `Format` do: through a neutral request and a neutral answer.
 */
export interface WholeFormat<Request extends WholeRequest, Answer> {
  /** Unique: `embeddings`, `ollama-embed`, `ollama-embeddings`, `rerank`, `cohere-rerank`, `texts-rerank`, `score`. */
  readonly name: string
  readonly family: 'embeddings' | 'ranking'
  /** Path at endpoints, and of clients below the gateway's base URL. */
  readonly path: string
  /** Further paths of clients. */
  readonly otherPaths?: readonly string[] | undefined
  /** Whether a request on a path that several formats share is of this one. Without it, a format takes all others. */
  matches?(request: JsonObject): boolean
  /** Whether no endpoint is known to have the format. */
  readonly isForClientsOnly?: boolean | undefined
  /** What each top-level field of a request is. */
  readonly fields: Readonly<Record<string, Feature | 'none'>>
  readonly fates: Fates
  /** @throws GatewayError invalid_request that names the field */
  readRequest(request: JsonObject): Request
  /** @param model the endpoint's name for it */
  writeRequest(request: Request, model: string): JsonObject
  /** Reads an endpoint's answer with a 2xx status. @param value the parsed body */
  readAnswer(value: unknown, request: Request): WholeReading<Answer>
  /** Writes the JSON body for the client. An answer may lack what the client's API promises. */
  writeAnswer(answer: Answer, call: WholeCall<Request>): string | AnswerFailure
}

export type EmbeddingsFormat = WholeFormat<EmbeddingsRequest, EmbeddingsAnswer>
export type RankingFormat = WholeFormat<RankingRequest, RankingAnswer>

/** The name of the model for the client. */
export function answeredModel(
  reported: string | undefined,
  { model, keepsModel }: Pick<WholeCall<WholeRequest>, 'model' | 'keepsModel'>,
): string {
  return (keepsModel ? reported : undefined) || model
}

/** A rough ratio for answers without a count, as for generated text. */
const charactersPerToken = 4

/** Tokens of texts that the endpoint has not counted. */
export function estimatedTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken)
}
