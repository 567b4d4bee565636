import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decode, isRecord } from './decode.ts'
import { ConfigError, type Diagnostic } from './diagnostics.ts'
import { EndpointSchema } from './discovery-schema.ts'
import { readDocument } from './document.ts'
import { applyEnvironment } from './environment.ts'
import type { EndpointConfig, GatewayConfig } from './schema.ts'
import { readSecrets } from './secrets.ts'
import { checkSemantics } from './semantics.ts'
import { type Problem, toDiagnostic, validate } from './validate.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface LoadOptions {
  /** From `-c`. */
  readonly file?: string | undefined
  /** Look for no file at all. */
  readonly none?: boolean
  readonly env: Env
  /** Relative paths are looked for from here. */
  readonly cwd: string
  /** What an endpoint's `type` may say besides `auto`. */
  readonly knownTypes: KnownTypes
}

/** A list, or what gives it once it is known in which folder the user's own profiles are ('' for none). */
export type KnownTypes = readonly string[] | ((profilesFolder: string) => readonly string[])

export interface LoadedConfig {
  readonly config: GatewayConfig
  /** The file that was read, as named; undefined where there was none. */
  readonly file: string | undefined
  readonly warnings: readonly Diagnostic[]
}

/** Where a configuration is looked for when none is named; the first that exists is the only one read. */
const searchOrder = ['config/config.local.yaml', 'config/config.yaml', 'config.yaml', 'default.yaml'] as const

/**
 * Finds, reads and checks the configuration: file, then environment, then defaults for the rest.
 * @throws ConfigError that lists every error with file, line and key
 */
export function loadConfig({ file: named, none, env, cwd, knownTypes }: LoadOptions): LoadedConfig {
  const file = none ? undefined : findFile(named ?? env.OLLA_CONFIG_FILE, cwd)
  if (file === undefined) {
    const { config, warnings } = check({}, env, cwd, knownTypes)
    return { config, file: undefined, warnings }
  }
  const path = resolve(cwd, file)
  const document = readDocument(readText(path, file), file, env)
  const { config, warnings } = check(document.value, env, cwd, knownTypes, (problem) =>
    toDiagnostic(problem, file, document.position(problem.path)),
  )
  return { config, file, warnings }
}

/**
 * A configuration from an object, for those who embed the gateway: the same keys, rules and messages.
 * @param knownTypes types of endpoints; any if absent
 * @throws ConfigError
 */
export function parseConfig(value: unknown, knownTypes?: readonly string[]): GatewayConfig {
  return check(value, {}, process.cwd(), knownTypes).config
}

/** Endpoints that were found instead of configured. */
export function withFoundEndpoints(
  config: GatewayConfig,
  found: readonly { name: string; url: string; type: string; priority?: number }[],
): GatewayConfig {
  const endpoints = found.map((endpoint) => decode(EndpointSchema, endpoint) as EndpointConfig)
  return { ...config, discovery: { ...config.discovery, static: { endpoints } } }
}

function check(
  value: unknown,
  env: Env,
  folder: string,
  knownTypes: KnownTypes | undefined,
  locate: (problem: Problem) => Diagnostic = (problem) => toDiagnostic(problem, undefined, undefined),
): { config: GatewayConfig; warnings: Diagnostic[] } {
  const { document, diagnostics } = applyEnvironment(isRecord(value) ? value : {}, env)
  const { config, problems } = validate(isRecord(value) ? document : value)
  const found = [...diagnostics, ...problems.map(locate)]
  if (config === undefined) throw new ConfigError(found.filter(isError))
  const types = typeof knownTypes === 'function' ? knownTypes(config.profiles.directory) : knownTypes
  found.push(...checkSemantics(config, types).map(locate))
  const secrets = readSecrets(config, folder)
  found.push(...secrets.problems.map(locate))
  const errors = found.filter(isError)
  if (errors.length > 0) throw new ConfigError(errors)
  return { config: secrets.config, warnings: found }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error'
}

function findFile(named: string | undefined, cwd: string): string | undefined {
  if (named === undefined || named === '') return searchOrder.find((file) => existsSync(resolve(cwd, file)))
  if (existsSync(resolve(cwd, named))) return named
  throw new ConfigError([
    { severity: 'error', key: '', message: `specified config file not found: ${named}` },
  ])
}

function readText(path: string, file: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new ConfigError([{ severity: 'error', key: '', message: 'the file cannot be read', file }])
  }
}
