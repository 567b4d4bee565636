import type { ProfileUsage } from '../usage/profile-usage.ts'

/** Formats of a backend's model list; one parser each (contract 6.2). */
export const listFormats = ['openai', 'ollama', 'lmstudio'] as const
export type ListFormat = (typeof listFormats)[number]

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
