import { createHash } from 'node:crypto'
import type { EngineMemory } from './model-memory.ts'
import type { StoredResponse } from './responses.ts'
import type { Script } from './script.ts'

/** A model of a simulated server. Absent fields are derived from the name. */
export interface SimulatedModel {
  readonly name: string
  /** Default `embeddings` if the name says so, else `llm`. */
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
  /** As Ollama names them; default by type, with tools for those that generate. */
  readonly capabilities?: readonly string[]
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
  /** In every answer, so that a client can distinguish the servers. Default: the kind. */
  readonly name?: string
  /** Default one, `llama3.2:3b`. */
  readonly models?: readonly (string | SimulatedModel)[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** 0 (the default) chooses a free one. */
  readonly port?: number
  /** 0 means as fast as the client reads. Default 200. */
  readonly tokensPerSecond?: number
  /** Milliseconds until an answer begins. Default 20. */
  readonly timeToFirstTokenMs?: number
  /** How fast prompts are computed, besides; four bytes of a request are a token. 0 (the default) takes no time. */
  readonly prefillTokensPerSecond?: number
  /** Version that the server reports; default one of its kind. */
  readonly version?: string
  /** Milliseconds that loading a model takes, or a step of a download. Default 0. */
  readonly loadMs?: number
  /** Whether llama.cpp runs as a router of several models. Default false. */
  readonly isRouter?: boolean
  /** Requests need it as bearer token, `x-api-key` or basic password, except on the health route of some kinds. */
  readonly apiKey?: string
  /** Random numbers for faults with a probability, 0 to 1 exclusive. Default `Math.random`. */
  readonly random?: () => number
}

/** State that the routes of one simulator share. */
export interface SimulatorState {
  readonly kind: SimulatorKind
  readonly name: string
  readonly version: string
  readonly models: readonly CompleteModel[]
  readonly setModels: (models: readonly CompleteModel[]) => void
  /** Completes a model by its name. */
  readonly complete: (name: string) => CompleteModel
  readonly memory: EngineMemory
  /** Digests of the files that clients have sent (Ollama). */
  readonly blobs: Set<string>
  /** Generations under way. */
  readonly generating: () => number
  /** The script for this request; undefined generates an answer. */
  readonly takeScript: () => Script | undefined
  /** Kept responses by their ID. */
  readonly responses: Map<string, StoredResponse>
}

const capabilitiesByType = {
  llm: ['completion', 'tools'],
  vlm: ['completion', 'tools', 'vision'],
  embeddings: ['embedding'],
} as const

export function completeModel(model: string | SimulatedModel): CompleteModel {
  const given = typeof model === 'string' ? { name: model } : model
  const size = /(\d+(?:\.\d+)?)([bm])\b/i.exec(given.name)
  const type = given.type ?? (/embed/i.test(given.name) ? 'embeddings' : 'llm')
  const millions = size === null ? 7000 : Number(size[1]) * (size[2]?.toLowerCase() === 'b' ? 1000 : 1)
  return {
    type,
    capabilities: capabilitiesByType[type],
    family: /^(?:.*\/)?([a-z]+)/i.exec(given.name)?.[1]?.toLowerCase() ?? 'llama',
    parameterSize: millions >= 1000 ? `${millions / 1000}B` : `${millions}M`,
    quantization: 'Q4_K_M',
    digest: createHash('sha256').update(given.name).digest('hex'),
    // Four bits per weight and 20 % for the rest.
    sizeBytes: Math.round(millions * 600_000),
    contextLength: 8192,
    loaded: true,
    ...given,
  }
}
