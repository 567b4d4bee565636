/** A model that a simulated server pretends to have. */
export interface SimulatedModel {
  readonly name: string
  /** Default `llm`. */
  readonly type?: 'llm' | 'vlm' | 'embeddings'
  readonly family?: string
  readonly parameterSize?: string
  readonly quantization?: string
  readonly digest?: string
  readonly sizeBytes?: number
  readonly contextLength?: number
  /** Whether it is in memory. Default true. */
  readonly loaded?: boolean
}

/** Kinds of servers; each serves only its own routes. */
export const simulatorKinds = [
  'ollama',
  'lm-studio',
  'vllm',
  'vllm-mlx',
  'sglang',
  'llamacpp',
  'lemonade',
  'litellm',
  'lmdeploy',
  'omlx',
  'docker-model-runner',
  'openai-compatible',
] as const

export type SimulatorKind = (typeof simulatorKinds)[number]

export interface SimulatorOptions {
  readonly kind: SimulatorKind
  /** Stands in every answer, so that a reader knows who answered. Default the kind. */
  readonly name?: string
  readonly models?: readonly (string | SimulatedModel)[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 (the default) takes a free one. */
  readonly port?: number
  /** 0 is as fast as can be. Default 200. */
  readonly tokensPerSecond?: number
  /** Milliseconds. Default 20. */
  readonly timeToFirstTokenMs?: number
  /** Version that the server reports. */
  readonly version?: string
  /** Then `Authorization: Bearer …` must carry it. */
  readonly apiKey?: string
}

/** What the routes of one simulator share. */
export interface SimulatorState {
  readonly kind: SimulatorKind
  readonly name: string
  readonly models: readonly SimulatedModel[]
  readonly tokensPerSecond: number
  readonly timeToFirstTokenMs: number
  readonly version: string
  readonly apiKey: string | undefined
}
