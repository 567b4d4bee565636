import type { SignalSource } from '../signals/signal-source.ts'
import type { ChatTraits } from './chat-shape.ts'
import type { ProfileUsage } from './profile-usage.ts'

/** Formats of a backend's model list; one parser each (contract 6.2). */
export const listFormats = ['openai', 'ollama', 'lmstudio'] as const
export type ListFormat = (typeof listFormats)[number]

/** Forms of answers whose streams the gateway can continue on another endpoint. */
export const continuable = ['chat', 'completions', 'messages', 'ollama'] as const

/** How tokens are counted: vLLM accepts the messages of a chat, llama.cpp a prompt that its template produced. */
export const tokenizeStyles = ['messages', 'template'] as const
export type TokenizeStyle = (typeof tokenizeStyles)[number]

/** Engines whose operations on models (load, pull, sleep…) the gateway knows. */
export const operationsApis = ['ollama', 'lm-studio', 'llamacpp', 'vllm', 'sglang'] as const
export type OperationsApi = (typeof operationsApis)[number]

/** Whether a server keeps responses of the Responses API, so that later requests can name them. */
export type ResponseKeeping = 'always' | 'if_enabled' | 'never'

/** Describes a type of inference server: data, read from `config/profiles/*.yaml`. */
export interface BackendProfile {
  /** `ollama`, `vllm`, `lm-studio`, … */
  readonly name: string
  readonly displayName: string
  readonly description: string
  /** URL prefixes under `/olla/`, also valid as endpoint `type`. */
  readonly prefixes: readonly string[]
  readonly openaiCompatible: boolean
  readonly anthropic: {
    readonly enabled: boolean
    readonly messagesPath: string
    readonly tokenCount: boolean
    readonly minVersion: string | undefined
    readonly limitations: readonly string[]
  }
  /** Its Responses API. */
  readonly responses: {
    /** What it ignores or refuses, although it has the route; see `limitations.ts` of the translation. */
    readonly limitations: readonly string[]
    readonly keeps: ResponseKeeping
  }
  /** Traits of its OpenAI chat route. */
  readonly chat: ChatTraits & { readonly path: string }
  /** Forms of answers that it continues from a text at the end of the request, by name. */
  readonly continues: readonly string[]
  /** Whether its chat route accepts tools for any model, as far as is known. */
  readonly servesTools: boolean
  /** A route that counts the tokens of a prompt; undefined if there is none. */
  readonly tokenize: { readonly path: string; readonly style: TokenizeStyle } | undefined
  /** Where it reports its version; undefined if nowhere. */
  readonly version: { readonly path: string; readonly pointer: string } | undefined
  /** Paths that the backend serves; used to infer which backends can serve a request's path. */
  readonly paths: readonly string[]
  readonly modelDiscoveryPath: string
  readonly healthCheckPath: string
  readonly metricsPath: string | undefined
  /** A route that reports the context length of the one model that it runs. */
  readonly propsPath: string | undefined
  /** Whether all listed models are in memory. */
  readonly alwaysLoaded: boolean
  /** A route that lists the models in memory, in the format of its model list. */
  readonly loadedModelsPath: string | undefined
  readonly listFormat: ListFormat
  /** Whose operations on models it has; undefined if none. */
  readonly operations: OperationsApi | undefined
  /** Where the engine reports its load; a later source is read for what the earlier ones do not have. */
  readonly signals: readonly SignalSource[]
  readonly usage: ProfileUsage
  readonly detection: {
    /** Lower is tried earlier; detection takes the first profile that matches. */
    readonly order: number
    readonly defaultPorts: readonly number[]
    readonly probes: readonly DetectionProbe[]
  }
  /** The parsed YAML document, including keys that the gateway does not use yet. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** A request whose answer distinguishes one backend type from the others. */
export interface DetectionProbe {
  readonly path: string
  /** All given conditions must match. */
  readonly match: {
    /** JSON pointer that must exist in the body. */
    readonly has?: string
    /** JSON pointer → required value (first array element via `/0`). */
    readonly equals?: Readonly<Record<string, string>>
    /** Response header (lower case) → substring, ignoring case. */
    readonly header?: Readonly<Record<string, string>>
    /** Text that the body must contain. */
    readonly text?: string
  }
}
