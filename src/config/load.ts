import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import { checkCallers } from './checks/callers.ts'
import { checkCluster } from './checks/cluster.ts'
import { settleEndpoints } from './checks/endpoint-list.ts'
import { checkEndpoints, checkTypes, endpointsOf } from './checks/endpoint-rules.ts'
import { checkExposure } from './checks/exposure.ts'
import { checkMinimumDurations } from './checks/minimum-durations.ts'
import { checkModelRules } from './checks/model-rules.ts'
import { applyOllaLimits } from './checks/olla-limits.ts'
import type { Machine } from './checks/own-addresses.ts'
import { checkProviders } from './checks/providers.ts'
import { findReadableSecrets } from './checks/readable-secrets.ts'
import { findSelf } from './checks/self-endpoint.ts'
import { checkSemantics } from './checks/semantics.ts'
import { decode, isRecord } from './file/decode.ts'
import { type ConfigDocument, readDocument } from './file/document.ts'
import { applyEnvironment } from './file/environment.ts'
import { findFile } from './file/find-file.ts'
import { readSecrets } from './file/secrets.ts'
import { readTyped } from './file/typed-values.ts'
import { validate } from './file/validate.ts'
import { decodeText } from './file/yaml/text.ts'
import {
  ConfigError,
  type Diagnostic,
  dotted,
  type KeyPath,
  type Problem,
  ProblemsError,
} from './schema/diagnostics.ts'
import { EndpointSchema } from './schema/discovery-schema.ts'
import { type EndpointConfig, type GatewayConfig, GatewayConfigSchema } from './schema/schema.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface LoadOptions {
  /** File named by `-c`. */
  readonly file?: string | undefined
  /** Read no file at all. */
  readonly none?: boolean
  readonly env: Env
  /** Command-line flags that set variables: variable name to the flag as typed. */
  readonly flags?: ReadonlyMap<string, string>
  /** Base of relative paths. */
  readonly cwd: string
  /** Valid values of an endpoint's `type` besides `auto`. */
  readonly knownTypes: KnownTypes
}

/** A list, or a function that returns it for the folder of the user's own profiles ('' if there is none). */
export type KnownTypes = readonly string[] | ((profilesFolder: string) => readonly string[])

export interface LoadedConfig {
  readonly config: GatewayConfig
  /** The file that was read, as named; undefined if there was none. */
  readonly file: string | undefined
  /** Existing files with lower precedence than `file`. */
  readonly skippedFiles: readonly string[]
  readonly warnings: readonly Diagnostic[]
  /** Adds file, line and column to problems found after loading. */
  readonly locate: (problem: Problem) => Diagnostic
}

/** The endpoint that Olla serves if its file lists none (contract 2.1). */
export const ollaDefaultEndpoint = {
  name: 'localhost',
  url: 'http://localhost:11434',
  type: 'ollama',
} as const

/**
 * Finds, reads and validates the configuration. Environment variables take precedence over the file; the rest gets
 * defaults.
 * @throws ConfigError that lists every error with file, line and key
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { none, env, cwd } = options
  const { file, skippedFiles } = none
    ? { skippedFiles: [] }
    : findFile(options.file ?? env.OLLA_CONFIG_FILE, cwd)
  if (file === undefined) {
    const { config, warnings } = check({}, { ...options, machine: thisMachine() })
    return { config, file, skippedFiles, warnings, locate: locator(undefined, {}, () => undefined) }
  }
  const path = resolve(cwd, file)
  const { document, text } = read(path, file, env)
  const value = readTyped(GatewayConfigSchema, document.value)
  const locate = locator(file, value, (path) => document.position(path))
  const { config, warnings } = check(value, { ...options, machine: thisMachine() }, locate, (path) =>
    document.holdsAnchor(path),
  )
  const served = endpointsToServe(config, value)
  const readable = findReadableSecrets(config, { path, text, folder: cwd })
  const found = [...document.warnings, ...served.problems, ...readable]
  return { config: served.config, file, skippedFiles, warnings: [...warnings, ...found.map(locate)], locate }
}

/**
 * Creates a configuration from an object, for applications that embed the gateway: the same keys, rules and messages.
 * @param knownTypes types of endpoints; any type if absent
 * @throws ConfigError
 */
export function parseConfig(value: unknown, knownTypes?: readonly string[]): GatewayConfig {
  return check(value, { env: {}, cwd: process.cwd(), knownTypes }).config
}

/**
 * Reads an endpoint that was found or added at run time, in the form of the file.
 * @throws ConfigError
 */
export function parseEndpoint(
  value: Readonly<Record<string, unknown>>,
  knownTypes?: readonly string[],
): EndpointConfig {
  const [endpoint] = parseConfig({ discovery: { static: { endpoints: [value] } } }, knownTypes).discovery
    .static.endpoints
  if (endpoint === undefined) throw new ConfigError([])
  return endpoint
}

/** Whether an endpoint is the gateway itself, as configured. */
export function isOwnEndpoint(config: GatewayConfig, endpoint: EndpointConfig): boolean {
  return findSelf(withEndpoints(config, [endpoint]), thisMachine()).length > 0
}

/** Adds endpoints that were discovered rather than configured. */
export function withFoundEndpoints(
  config: GatewayConfig,
  found: readonly { name: string; url: string; type: string; priority?: number }[],
): GatewayConfig {
  const endpoints = found.map((endpoint) => decode(EndpointSchema, endpoint) as EndpointConfig)
  return { ...config, discovery: { ...config.discovery, static: { endpoints } } }
}

type Locate = (problem: Problem) => Diagnostic

interface CheckOptions extends Omit<LoadOptions, 'knownTypes'> {
  readonly knownTypes: KnownTypes | undefined
  /** Used to detect endpoints that are the gateway itself; absent if its listener is unknown. */
  readonly machine?: Machine
}

function check(
  value: unknown,
  { env, flags, cwd, knownTypes, machine }: CheckOptions,
  locateInFile: Locate = locator(undefined, value, () => undefined),
  isHolder?: (path: KeyPath) => boolean,
): { config: GatewayConfig; warnings: Diagnostic[] } {
  const overridden = applyEnvironment(isRecord(value) ? value : {}, env, flags)
  const { document } = overridden
  const locate: Locate = (problem) => {
    const source = overridden.sources.get(dotted(problem.path))
    return source === undefined ? locateInFile(problem) : { ...problem, key: source }
  }
  const checked = validate(isRecord(value) ? document : value, isHolder)
  const found = [...overridden.diagnostics, ...checked.problems.map(locate)]
  const types = typeof knownTypes === 'function' ? knownTypes(profilesFolderOf(value)) : knownTypes
  if (types !== undefined) found.push(...checkTypes(value, types).map(locate))
  if (checked.config === undefined) throw new ConfigError(found.filter(isError))
  const limited = applyOllaLimits(checked.config, document)
  const { config, problems: unread } = readSecrets(limited.config, cwd)
  const problems = [
    ...checkEndpoints(limited.config.discovery.static.endpoints),
    ...(machine === undefined ? [] : [...findSelf(config, machine), ...checkExposure(config, document)]),
    ...checkSemantics(limited.config),
    ...checkModelRules(limited.config),
    ...checkMinimumDurations(GatewayConfigSchema, limited.config),
    ...checkCallers(limited.config),
    ...checkCluster(limited.config),
    ...checkProviders(limited.config.discovery.providers, document),
    ...limited.problems,
    ...unread,
  ]
  found.push(...problems.map(locate))
  if (found.some(isError)) throw new ConfigError(found.filter(isError))
  const settled = settleEndpoints(config.discovery.static.endpoints, machine)
  found.push(...settled.problems.map(locate))
  return { config: withEndpoints(config, settled.endpoints), warnings: found }
}

function thisMachine(): Machine {
  return { interfaces: networkInterfaces(), name: hostname() }
}

function profilesFolderOf(value: unknown): string {
  const profiles = isRecord(value) ? value.profiles : undefined
  const folder = isRecord(profiles) ? profiles.directory : undefined
  return typeof folder === 'string' ? folder : ''
}

/** As in Olla, a file that lists no endpoints gets the default one, and an empty list means none. */
function endpointsToServe(
  config: GatewayConfig,
  value: unknown,
): { config: GatewayConfig; problems: Problem[] } {
  const { static: listed, providers } = config.discovery
  if (listed.endpoints.length > 0 || providers.length > 0) return { config, problems: [] }
  const path: KeyPath = ['discovery', 'static', 'endpoints']
  const warn = (message: string): Problem[] => [{ severity: 'warning', path, message }]
  const isListed = endpointsAreListed(value)
  if (isListed) return { config, problems: warn('the list is empty: every request will be refused') }
  const { name, url } = ollaDefaultEndpoint
  const served = withFoundEndpoints(config, [ollaDefaultEndpoint])
  if (findSelf(served, thisMachine()).length > 0) {
    return {
      config,
      problems: warn('there are none, and the gateway has the port of the default one itself'),
    }
  }
  return {
    config: served,
    problems: warn(`there are none; as in Olla, the default is used: "${name}", ${url}`),
  }
}

/** Whether the key exists: Olla treats `endpoints:` without a value as an empty list. */
function endpointsAreListed(value: unknown): boolean {
  const discovery = isRecord(value) ? value.discovery : undefined
  const section = isRecord(discovery) ? discovery.static : undefined
  return isRecord(section) && 'endpoints' in section
}

function withEndpoints(config: GatewayConfig, endpoints: EndpointConfig[]): GatewayConfig {
  return { ...config, discovery: { ...config.discovery, static: { ...config.discovery.static, endpoints } } }
}

/** Adds positions to problems, and the endpoint's name to those of endpoints. */
function locator(
  file: string | undefined,
  value: unknown,
  position: (path: KeyPath) => { line: number; column: number } | undefined,
): Locate {
  return ({ severity, path, message, line, column }) => ({
    severity,
    key: dotted(path),
    message: message + endpointHint(path, value),
    file,
    ...(line === undefined ? position(path) : { line, column }),
  })
}

function endpointHint([discovery, section, list, index]: KeyPath, value: unknown): string {
  if (discovery !== 'discovery' || section !== 'static' || list !== 'endpoints') return ''
  const endpoint = typeof index === 'number' ? endpointsOf(value)[index] : undefined
  if (!isRecord(endpoint)) return ''
  const name = endpoint.name ?? endpoint.url
  // A URL may contain credentials.
  const isShown = typeof name === 'string' && name !== '' && !name.includes('@')
  return isShown ? ` (endpoint "${name}")` : ''
}

function read(path: string, file: string, env: Env): { document: ConfigDocument; text: string } {
  const fail = (message: string): never => {
    throw new ConfigError([{ severity: 'error', key: '', message, file }])
  }
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    return fail(`cannot be read: ${readFailure(error)}`)
  }
  const text = decodeText(bytes)
  if (typeof text !== 'string') return fail(text.reason)
  try {
    return { document: readDocument(text, env), text }
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    throw new ConfigError(error.problems.map(locator(file, error.value, () => undefined)))
  }
}

const failures: Readonly<Record<string, string>> = {
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'no such file',
}

function readFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return failures[code] ?? code
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error'
}
