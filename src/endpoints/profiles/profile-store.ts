import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { SignalSourceSchema } from '../../config/schema/signals-schema.ts'
import { NameFilter } from '../../kernel/names/name-filter.ts'
import { signalSource } from '../signals/signal-source.ts'
import { isShippedByOlla } from './olla-profiles.ts'
import {
  type BackendProfile,
  continuable,
  type ListFormat,
  listFormats,
  operationsApis,
  tokenizeStyles,
} from './profile.ts'
import { overlay } from './profile-overlay.ts'
import { ExtractionSchema, profileUsage, UsageSchema } from './profile-usage.ts'
import { readYamlFile } from './yaml-file.ts'

/** A backend profile that cannot be used; the message names the file. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError'
}

/** The keys of a profile that the gateway reads; it ignores all others, but keeps them. */
const ProfileSchema = Type.Object({
  name: Type.String({ minLength: 1 }),
  display_name: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  routing: Type.Optional(
    Type.Object({ prefixes: Type.Optional(Type.Array(Type.String({ pattern: '^[a-zA-Z0-9._-]+$' }))) }),
  ),
  api: Type.Optional(
    Type.Object({
      openai_compatible: Type.Optional(Type.Boolean()),
      anthropic_support: Type.Optional(
        Type.Object({
          enabled: Type.Optional(Type.Boolean()),
          messages_path: Type.Optional(Type.String()),
          token_count: Type.Optional(Type.Boolean()),
          min_version: Type.Optional(Type.String()),
          limitations: Type.Optional(Type.Array(Type.String())),
        }),
      ),
      responses: Type.Optional(
        Type.Object({
          limitations: Type.Optional(Type.Array(Type.String())),
          keeps: Type.Optional(
            Type.Union([Type.Literal('always'), Type.Literal('if_enabled'), Type.Literal('never')]),
          ),
        }),
      ),
      continues: Type.Optional(Type.Array(Type.Union(continuable.map((each) => Type.Literal(each))))),
      chat: Type.Optional(
        Type.Object({
          path: Type.Optional(Type.String()),
          reasoning_field: Type.Optional(
            Type.Union([Type.Literal('reasoning_content'), Type.Literal('reasoning'), Type.Literal('none')]),
          ),
          thinking_switch: Type.Optional(
            Type.Union([
              Type.Literal('chat_template_kwargs'),
              Type.Literal('reasoning_effort'),
              Type.Literal('none'),
            ]),
          ),
          reads_files: Type.Optional(Type.Boolean()),
          continues_messages: Type.Optional(Type.Boolean()),
          effort: Type.Optional(
            Type.Union([
              Type.Literal('reasoning_effort'),
              Type.Literal('chat_template_kwargs'),
              Type.Literal('thinking_models'),
              Type.Literal('none'),
            ]),
          ),
          repeat_penalty: Type.Optional(
            Type.Union([
              Type.Literal('repetition_penalty'),
              Type.Literal('repeat_penalty'),
              Type.Literal('none'),
            ]),
          ),
          longest_tool_name: Type.Optional(Type.Integer({ minimum: 16 })),
          tools: Type.Optional(Type.Boolean()),
        }),
      ),
      tokenize: Type.Optional(
        Type.Object({
          path: Type.String(),
          style: Type.Union(tokenizeStyles.map((style) => Type.Literal(style))),
        }),
      ),
      version: Type.Optional(Type.Object({ path: Type.String(), pointer: Type.String() })),
      paths: Type.Optional(Type.Array(Type.String())),
      model_discovery_path: Type.Optional(Type.String()),
      health_check_path: Type.Optional(Type.String()),
      metrics_path: Type.Optional(Type.String()),
      props_path: Type.Optional(Type.String()),
      always_loaded: Type.Optional(Type.Boolean()),
      loaded_models_path: Type.Optional(Type.String()),
      operations: Type.Optional(Type.Union(operationsApis.map((each) => Type.Literal(each)))),
    }),
  ),
  request: Type.Optional(Type.Object({ response_format: Type.Optional(Type.String()) })),
  signals: Type.Optional(Type.Array(SignalSourceSchema, { maxItems: 8 })),
  usage: Type.Optional(UsageSchema),
  metrics: Type.Optional(Type.Object({ extraction: Type.Optional(ExtractionSchema) })),
  detection: Type.Optional(
    Type.Object({
      order: Type.Optional(Type.Number()),
      default_ports: Type.Optional(Type.Array(Type.Integer())),
      probes: Type.Optional(
        Type.Array(
          Type.Object({
            path: Type.String(),
            match: Type.Object({
              has: Type.Optional(Type.String()),
              equals: Type.Optional(Type.Record(Type.String(), Type.String())),
              header: Type.Optional(Type.Record(Type.String(), Type.String())),
              text: Type.Optional(Type.String()),
            }),
          }),
        ),
      ),
    }),
  ),
})

/** A backend profile as in its YAML file. */
export type ProfileDocument = Static<typeof ProfileSchema>

/** Spellings that users try but no profile lists as a prefix (contract 1.3). */
const spellings: Readonly<Record<string, string>> = {
  'llama-cpp': 'llamacpp',
  llama_cpp: 'llamacpp',
  'llama.cpp': 'llamacpp',
  vllmmlx: 'vllm-mlx',
  vllm_mlx: 'vllm-mlx',
  openai_compatible: 'openai-compatible',
  lm_studio: 'lm-studio',
  docker_model_runner: 'docker-model-runner',
}

export interface ProfileStoreOptions {
  /** Folder of the built-in profiles. */
  readonly builtIn: string
  /**
   * Folder in which Olla would look; it may be missing. A profile there changes the built-in one of its name key by
   * key, and a broken one causes a warning.
   */
  readonly local?: string
  /** The user's own folder; '' for none. A profile there replaces the built-in one of its name. */
  readonly own?: string
  /** The user's own profiles as objects; they replace those of the files by name. */
  readonly inline?: readonly ProfileDocument[]
  /** Valid keys in the `usage` section of a profile, besides `stream_options`; by default any. */
  readonly usageSections?: readonly string[]
  /** Profiles to offer, by name. */
  readonly filter?: { readonly include: readonly string[]; readonly exclude: readonly string[] }
}

/** Where Olla reads profiles, below the working directory. */
export const localProfilesFolder = 'config/profiles'

/**
 * Backend profiles from YAML files. It reads the names and prefixes at construction, because routes depend on them, and
 * builds the rest of a profile on first use.
 */
export class ProfileStore {
  readonly #documents = new Map<string, { file: string; document: ProfileDocument }>()
  readonly #profiles = new Map<string, BackendProfile>()
  readonly #byPrefix = new Map<string, string>()
  readonly #local = new Set<string>()
  readonly #warnings: string[] = []
  readonly #usageSections: readonly string[] | undefined

  /** @throws ProfileError for a broken file, or two profiles with one prefix */
  constructor(options: ProfileStoreOptions) {
    this.#usageSections = options.usageSections
    this.#readFolder(options.builtIn, false)
    const { local = '', own = '' } = options
    if (local !== '' && existsSync(local) && realpathSync(local) !== realpathSync(options.builtIn)) {
      this.#readLocal(local)
    }
    if (own !== '') {
      if (!existsSync(own)) throw new ProfileError(`profiles.directory: there is no folder ${own}`)
      this.#readFolder(own, true)
    }
    for (const [index, value] of (options.inline ?? []).entries()) {
      const document = checkProfile(value, `profiles[${index}]`, this.#usageSections)
      this.#documents.set(document.name, { file: `profiles[${index}]`, document })
    }
    const filter = new NameFilter(options.filter ?? { include: [], exclude: [] })
    for (const name of this.#documents.keys()) if (!filter.allows(name)) this.#documents.delete(name)
    this.#indexPrefixes()
  }

  /** Problems of profiles that were skipped because of them. */
  get warnings(): readonly string[] {
    return this.#warnings
  }

  names(): string[] {
    return [...this.#documents.keys()].sort()
  }

  /** Maps URL prefixes to profile names. */
  prefixes(): ReadonlyMap<string, string> {
    return this.#byPrefix
  }

  /** All valid values of an endpoint's `type`, except `auto`. */
  types(): string[] {
    return [
      ...new Set([...this.#documents.keys(), ...this.#byPrefix.keys(), ...Object.keys(spellings)]),
    ].sort()
  }

  /** Returns a profile, built on first use. */
  get(nameOrPrefix: string): BackendProfile | undefined {
    const requested = nameOrPrefix.toLowerCase()
    const name = this.#documents.has(requested)
      ? requested
      : (this.#byPrefix.get(requested) ?? spellings[requested])
    if (name === undefined) return undefined
    const built = this.#profiles.get(name)
    if (built !== undefined) return built
    const source = this.#documents.get(name)
    if (source === undefined) return undefined
    const profile = buildProfile(source.document, source.file)
    this.#profiles.set(name, profile)
    return profile
  }

  all(): BackendProfile[] {
    return this.names().flatMap((name) => this.get(name) ?? [])
  }

  /** Number of profiles built so far. */
  get loaded(): number {
    return this.#profiles.size
  }

  #readFolder(folder: string, isOwn: boolean): void {
    const own = new Set<string>()
    for (const file of readdirSync(folder).sort()) {
      if (!/\.ya?ml$/.test(file)) continue
      const path = join(folder, file)
      const document = readProfile(path, this.#usageSections)
      if (own.has(document.name)) throw new ProfileError(`${path}: a second profile named "${document.name}"`)
      own.add(document.name)
      this.#documents.set(document.name, { file: isOwn ? path : file, document })
    }
  }

  #readLocal(folder: string): void {
    for (const file of readdirSync(folder).sort()) {
      if (!/\.ya?ml$/.test(file)) continue
      const path = join(folder, file)
      try {
        if (isShippedByOlla(readFileSync(path, 'utf8'))) continue
        const document = readProfile(path, this.#usageSections)
        const known = this.#documents.get(document.name)
        const whole = checkProfile(overlay(known?.document, document), path, this.#usageSections)
        listFormatOf(whole, path)
        this.#documents.set(whole.name, { file: path, document: whole })
        if (known === undefined) this.#local.add(whole.name)
      } catch (error) {
        this.#warnings.push(error instanceof Error ? error.message : String(error))
      }
    }
  }

  #indexPrefixes(): void {
    for (const [name, { file, document }] of this.#documents) {
      for (const prefix of document.routing?.prefixes ?? []) {
        const other = this.#byPrefix.get(prefix.toLowerCase())
        if (other !== undefined && other !== name) {
          if (this.#local.has(name)) {
            this.#warnings.push(`${file}: the prefix "${prefix}" belongs to the profile "${other}" already`)
            continue
          }
          throw new ProfileError(`${file}: the prefix "${prefix}" belongs to the profile "${other}" already`)
        }
        this.#byPrefix.set(prefix.toLowerCase(), name)
      }
    }
  }
}

function readProfile(path: string, usageSections: readonly string[] | undefined): ProfileDocument {
  try {
    return checkProfile(readYamlFile(path), path, usageSections)
  } catch (error) {
    throw error instanceof ProfileError
      ? error
      : new ProfileError(error instanceof Error ? error.message : path)
  }
}

/** @param where the file or other source, for the message */
function checkProfile(
  value: unknown,
  where: string,
  usageSections: readonly string[] | undefined,
): ProfileDocument {
  if (!Value.Check(ProfileSchema, value)) {
    const problem = Value.Errors(ProfileSchema, value).First()
    throw new ProfileError(
      `${where}: ${problem?.path.slice(1).replaceAll('/', '.') || 'profile'}: ${problem?.message}`,
    )
  }
  const section = Object.keys(value.usage ?? {}).find(
    (name) => name !== 'stream_options' && usageSections?.includes(name) === false,
  )
  if (section !== undefined) throw new ProfileError(`${where}: usage.${section}: Unexpected property`)
  return value
}

function buildProfile(document: ProfileDocument, file: string): BackendProfile {
  const api = document.api ?? {}
  const anthropic = api.anthropic_support
  const detection = document.detection ?? {}
  return {
    name: document.name,
    displayName: document.display_name ?? document.name,
    description: document.description ?? '',
    prefixes: document.routing?.prefixes ?? [],
    openaiCompatible: api.openai_compatible ?? false,
    anthropic: {
      enabled: anthropic?.enabled ?? false,
      messagesPath: anthropic?.messages_path ?? '/v1/messages',
      tokenCount: anthropic?.token_count ?? false,
      minVersion: anthropic?.min_version,
      limitations: anthropic?.limitations ?? [],
    },
    responses: {
      limitations: api.responses?.limitations ?? [],
      keeps: api.responses?.keeps ?? 'always',
    },
    chat: {
      path: api.chat?.path ?? '/v1/chat/completions',
      reasoningField: api.chat?.reasoning_field ?? 'none',
      thinkingSwitch: api.chat?.thinking_switch ?? 'none',
      readsFiles: api.chat?.reads_files ?? false,
      continuesMessages: api.chat?.continues_messages ?? false,
      effort: api.chat?.effort ?? 'none',
      repeatPenalty: api.chat?.repeat_penalty ?? 'none',
      maxToolNameLength: api.chat?.longest_tool_name,
    },
    continues: api.continues ?? [],
    servesTools: api.chat?.tools ?? false,
    tokenize: api.tokenize,
    version: api.version,
    paths: api.paths ?? [],
    modelDiscoveryPath: api.model_discovery_path ?? '/v1/models',
    healthCheckPath: api.health_check_path ?? '/',
    metricsPath: api.metrics_path,
    propsPath: api.props_path,
    alwaysLoaded: api.always_loaded ?? false,
    loadedModelsPath: api.loaded_models_path,
    listFormat: listFormatOf(document, file),
    operations: api.operations,
    signals: (document.signals ?? []).map(signalSource),
    usage: profileUsage(document.usage, document.metrics?.extraction),
    detection: {
      order: detection.order ?? 500,
      defaultPorts: detection.default_ports ?? [],
      probes: (detection.probes ?? []).map(({ path, match }) => ({ path, match })),
    },
    raw: document,
  }
}

/** Olla names a parser per backend; most of them read the OpenAI list and differ in optional fields. */
function listFormatOf(document: ProfileDocument, file: string): ListFormat {
  const named = document.request?.response_format ?? 'openai'
  const format = listFormats.find((each) => each === named)
  if (format !== undefined) return format
  const openAiLike = [
    'vllm',
    'vllm-mlx',
    'sglang',
    'llamacpp',
    'lemonade',
    'lmdeploy',
    'docker-model-runner',
    'openai-compatible',
  ]
  if (openAiLike.includes(named)) return 'openai'
  throw new ProfileError(`${file}: request.response_format: unknown format "${named}"`)
}
