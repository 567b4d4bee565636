import { createHash } from 'node:crypto'
import type { Script } from './script.ts'

/** A model that a simulated server pretends to have. What is absent is made up from the name. */
export interface SimulatedModel {
  readonly name: string
  /** Default `embeddings` where the name says so, else `llm`. */
  readonly type?: 'llm' | 'vlm' | 'embeddings'
  readonly family?: string
  /** `3B`, `7.6B`, `137M`. */
  readonly parameterSize?: string
  /** Default `Q4_K_M`. */
  readonly quantization?: string
  /** Hexadecimal. */
  readonly digest?: string
  readonly sizeBytes?: number
  /** Tokens; default 8192. */
  readonly contextLength?: number
  /** Whether it is in memory. Default true. */
  readonly loaded?: boolean
}

export type CompleteModel = Required<SimulatedModel>

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
  /** Default one, `llama3.2:3b`. */
  readonly models?: readonly (string | SimulatedModel)[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 (the default) takes a free one. */
  readonly port?: number
  /** 0 is as fast as the reader takes. Default 200. */
  readonly tokensPerSecond?: number
  /** Milliseconds until an answer begins. Default 20. */
  readonly timeToFirstTokenMs?: number
  /** Version that the server reports; default one of its kind. */
  readonly version?: string
  /** Then a bearer token, `x-api-key` or basic password must carry it, but on the health route of some kinds. */
  readonly apiKey?: string
  /** Source of chance for faults with a probability, 0 to 1 exclusive. Default `Math.random`. */
  readonly random?: () => number
}

/** What the routes of one simulator share. */
export interface SimulatorState {
  readonly kind: SimulatorKind
  readonly name: string
  readonly version: string
  readonly models: readonly CompleteModel[]
  /** What to say to this request; undefined lets the server make something up. */
  readonly takeScript: () => Script | undefined
}

export function completeModel(model: string | SimulatedModel): CompleteModel {
  const given = typeof model === 'string' ? { name: model } : model
  const size = /(\d+(?:\.\d+)?)([bm])\b/i.exec(given.name)
  const millions = size === null ? 7000 : Number(size[1]) * (size[2]?.toLowerCase() === 'b' ? 1000 : 1)
  return {
    type: /embed/i.test(given.name) ? 'embeddings' : 'llm',
    family: /^(?:.*\/)?([a-z]+)/i.exec(given.name)?.[1]?.toLowerCase() ?? 'llama',
    parameterSize: millions >= 1000 ? `${millions / 1000}B` : `${millions}M`,
    quantization: 'Q4_K_M',
    digest: createHash('sha256').update(given.name).digest('hex'),
    // Four bits a weight and a fifth for the rest.
    sizeBytes: Math.round(millions * 600_000),
    contextLength: 8192,
    loaded: true,
    ...given,
  }
}
