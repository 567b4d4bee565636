import type { ChatTraits } from './chat-shape.ts'
import type { ProfileUsage } from './profile-usage.ts'

/** Formats of a backend's model list; one parser each (contract 6.2). */
export const listFormats = ['openai', 'ollama', 'lmstudio'] as const
export type ListFormat = (typeof listFormats)[number]

/** How tokens are counted: vLLM takes the messages of a chat, llama.cpp a prompt that its template has made. */
export const tokenizeStyles = ['messages', 'template'] as const
export type TokenizeStyle = (typeof tokenizeStyles)[number]

/** What an inference server of one kind looks like: data, read from `config/profiles/*.yaml`. */
export interface BackendProfile {
  /** `ollama`, `vllm`, `lm-studio`, … */
  readonly name: string
  readonly displayName: string
  readonly description: string
  /** URL prefixes under `/olla/`, and accepted as endpoint `type` as well. */
  readonly prefixes: readonly string[]
  readonly openaiCompatible: boolean
  readonly anthropic: {
    readonly enabled: boolean
    readonly messagesPath: string
    readonly tokenCount: boolean
    readonly minVersion: string | undefined
    readonly limitations: readonly string[]
  }
  /** How its OpenAI chat route is spoken to. */
  readonly chat: ChatTraits & { readonly path: string }
  /** Whether its chat route takes tools whatever the model, as far as is known. */
  readonly servesTools: boolean
  /** A route that counts the tokens of a prompt; undefined where there is none. */
  readonly tokenize: { readonly path: string; readonly style: TokenizeStyle } | undefined
  /** Where it tells its version; undefined where nowhere. */
  readonly version: { readonly path: string; readonly pointer: string } | undefined
  /** Paths that the backend serves; used to infer which backends can serve a request's path. */
  readonly paths: readonly string[]
  readonly modelDiscoveryPath: string
  readonly healthCheckPath: string
  readonly metricsPath: string | undefined
  /** Tells the context length of the one model that it runs. */
  readonly propsPath: string | undefined
  /** Whether all that it lists is in memory. */
  readonly alwaysLoaded: boolean
  /** Lists what is in memory, in the format of its model list. */
  readonly loadedModelsPath: string | undefined
  readonly listFormat: ListFormat
  readonly usage: ProfileUsage
  readonly detection: {
    /** Lower is asked earlier; detection asks all and takes the first that matches. */
    readonly order: number
    readonly defaultPorts: readonly number[]
    readonly probes: readonly DetectionProbe[]
  }
  /** The parsed YAML document: everything else that a profile says, for later concerns. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** A request whose answer tells one kind of backend from the others. */
export interface DetectionProbe {
  readonly path: string
  /** Every condition given must hold. */
  readonly match: {
    /** JSON pointer that must exist in the body. */
    readonly has?: string
    /** JSON pointer → value it must equal (first array element via `/0`). */
    readonly equals?: Readonly<Record<string, string>>
    /** Response header (lower case) → substring, ignoring case. */
    readonly header?: Readonly<Record<string, string>>
    /** Text the body must contain. */
    readonly text?: string
  }
}
