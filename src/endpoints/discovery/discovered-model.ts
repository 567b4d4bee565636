import type { ReportedAbilities } from '../profiles/reported-abilities.ts'

/** An unchanged entry of a list. */
export type ListEntry = Readonly<Record<string, unknown>>

/** One model as listed by its endpoint. Absent fields were not reported. */
export interface DiscoveredModel {
  /** In the backend's spelling. */
  readonly name: string
  /** `llm`, `vlm`, `embeddings`, … */
  readonly type?: string
  readonly family?: string
  readonly families?: readonly string[]
  /** `7B`, `70.6B`. */
  readonly parameterSize?: string
  /** `Q4_0`, `fp16`. */
  readonly quantization?: string
  /** `gguf`, `mlx`. */
  readonly format?: string
  readonly digest?: string
  readonly sizeBytes?: number
  /** Tokens: the maximum of the model on this endpoint. */
  readonly contextLength?: number
  /** Tokens: the limit with which the model was loaded, if that may be lower. */
  readonly contextInForce?: number
  readonly embeddingLength?: number
  readonly state?: 'loaded' | 'not-loaded'
  /** The endpoint's data about the model in memory. */
  readonly memory?: ModelMemory
  readonly publisher?: string
  /** In the endpoint's own terms. */
  readonly capabilities?: readonly string[]
  readonly abilities?: ReportedAbilities
  /** Further fields of the entry that lists show. */
  readonly raw: ListEntry
}

export interface ModelMemory {
  readonly sizeBytes?: number | undefined
  readonly vramBytes?: number | undefined
  /** RFC 3339, unchanged. */
  readonly expiresAt?: string | undefined
  readonly contextLength?: number | undefined
}
