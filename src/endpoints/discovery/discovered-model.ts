import type { ToldAbilities } from '../profiles/told-abilities.ts'

/** An entry of a list, as it came. */
export type ListEntry = Readonly<Record<string, unknown>>

/** One model as its endpoint lists it. Absent fields were not told. */
export interface DiscoveredModel {
  /** Spelt as the backend spells it. */
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
  /** Tokens: the most that the model takes on this endpoint. */
  readonly contextLength?: number
  /** Tokens: what the model was loaded with, where that may be less. */
  readonly contextInForce?: number
  readonly embeddingLength?: number
  readonly state?: 'loaded' | 'not-loaded'
  /** What the endpoint says of the model in memory. */
  readonly memory?: ModelMemory
  readonly publisher?: string
  /** The endpoint's own words. */
  readonly capabilities?: readonly string[]
  readonly abilities?: ToldAbilities
  /** Further fields of the entry that lists show. */
  readonly raw: ListEntry
}

export interface ModelMemory {
  readonly sizeBytes?: number | undefined
  readonly vramBytes?: number | undefined
  /** RFC 3339, as it came. */
  readonly expiresAt?: string | undefined
  readonly contextLength?: number | undefined
}
