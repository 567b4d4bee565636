import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { WholeRequest, WholeUsage } from './whole.ts'

/** A request for embeddings, in terms of no API. */
export interface EmbeddingsRequest extends WholeRequest {
  /** In the order of the answer. Without any, the request only loads the model, which Ollama's clients do. */
  readonly inputs: readonly EmbeddingInput[]
  /** Length of each vector; undefined leaves it to the model. */
  readonly dimensions: number | undefined
  /** How the client reads vectors: as numbers, or as the bytes of 32-bit floats (little-endian) in Base64. */
  readonly encoding: 'float' | 'base64'
  readonly user?: string | undefined
  /** Whether an input that is too long is cut; undefined leaves it to the endpoint. */
  readonly truncates?: boolean | undefined
  /** Ollama's `keep_alive` and `options`. */
  readonly keepAlive?: string | number | undefined
  readonly options?: JsonObject | undefined
}

/** A text, or the IDs of its tokens. */
export type EmbeddingInput = string | readonly number[]

export interface EmbeddingsAnswer {
  /** The endpoint's name for the model, if it reports one. */
  readonly model: string | undefined
  /** One for each input, in their order. */
  readonly vectors: readonly (readonly number[])[]
  readonly usage: WholeUsage
  /** Time to load the model, if the endpoint reports it. */
  readonly loadNs?: number | undefined
}
