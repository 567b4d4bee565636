import { type Diagnostic, nearest } from '../schema/diagnostics.ts'
import { parseBytes, parseDuration } from './decode.ts'

type Env = Readonly<Record<string, string | undefined>>
type Parser = (text: string) => unknown

/** Keeps the text, because the schema knows its unit. */
const asText: Parser = (text) => text
const asInteger: Parser = (text) => (/^-?\d+$/.test(text.trim()) ? Number(text) : undefined)
const asThreads: Parser = (text) => (text.trim() === 'auto' ? 'auto' : asInteger(text))
const asFlag: Parser = (text) => {
  if (/^(?:1|t|true|yes|on)$/i.test(text.trim())) return true
  return /^(?:0|f|false|no|off)$/i.test(text.trim()) ? false : undefined
}
const asDuration: Parser = (text) => (parseDuration(text.trim()) === undefined ? undefined : text.trim())
const asBytes: Parser = (text) => parseBytes(text)
const asMemory: Parser = (text) => (text.trim() === 'auto' ? 'auto' : parseBytes(text))
const asList: Parser = (text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Variable, key and parser (contract 2.2). */
const overrides: readonly (readonly [string, string, Parser])[] = [
  ['OLLA_SERVER_HOST', 'server.host', asText],
  ['OLLA_SERVER_PORT', 'server.port', asInteger],
  ['OLLA_SERVER_THREADS', 'server.threads', asThreads],
  ['OLLA_SERVER_READ_TIMEOUT', 'server.read_timeout', asDuration],
  ['OLLA_SERVER_READ_HEADER_TIMEOUT', 'server.read_header_timeout', asDuration],
  ['OLLA_SERVER_WRITE_TIMEOUT', 'server.write_timeout', asDuration],
  ['OLLA_SERVER_IDLE_TIMEOUT', 'server.idle_timeout', asDuration],
  ['OLLA_SERVER_SHUTDOWN_TIMEOUT', 'server.shutdown_timeout', asDuration],
  ['OLLA_SERVER_MAX_BODY_SIZE', 'server.request_limits.max_body_size', asBytes],
  ['OLLA_SERVER_MAX_BUFFERED_BYTES', 'server.request_limits.max_buffered_bytes', asMemory],
  ['OLLA_SERVER_MAX_HEADER_SIZE', 'server.request_limits.max_header_size', asBytes],
  ['OLLA_SERVER_GLOBAL_RATE_LIMIT', 'server.rate_limits.global_requests_per_minute', asInteger],
  ['OLLA_SERVER_PER_IP_RATE_LIMIT', 'server.rate_limits.per_ip_requests_per_minute', asInteger],
  ['OLLA_SERVER_RATE_BURST_SIZE', 'server.rate_limits.burst_size', asInteger],
  ['OLLA_SERVER_HEALTH_RATE_LIMIT', 'server.rate_limits.health_requests_per_minute', asInteger],
  ['OLLA_SERVER_RATE_CLEANUP_INTERVAL', 'server.rate_limits.cleanup_interval', asDuration],
  ['OLLA_SERVER_TRUST_PROXY_HEADERS', 'server.rate_limits.trust_proxy_headers', asFlag],
  ['OLLA_SERVER_TRUSTED_PROXY_CIDRS', 'server.rate_limits.trusted_proxy_cidrs', asList],
  ['OLLA_SERVER_CORS_ENABLED', 'server.cors.enabled', asFlag],
  ['OLLA_SERVER_CORS_ALLOWED_ORIGINS', 'server.cors.allowed_origins', asList],
  ['OLLA_SERVER_CORS_ALLOWED_METHODS', 'server.cors.allowed_methods', asList],
  ['OLLA_SERVER_CORS_ALLOWED_HEADERS', 'server.cors.allowed_headers', asList],
  ['OLLA_SERVER_CORS_EXPOSED_HEADERS', 'server.cors.exposed_headers', asList],
  ['OLLA_SERVER_CORS_ALLOW_CREDENTIALS', 'server.cors.allow_credentials', asFlag],
  ['OLLA_SERVER_CORS_MAX_AGE', 'server.cors.max_age', asInteger],
  ['OLLA_PROXY_ENGINE', 'proxy.engine', asText],
  ['OLLA_PROXY_LOAD_BALANCER', 'proxy.load_balancer', asText],
  ['OLLA_PROXY_PROFILE', 'proxy.profile', asText],
  ['OLLA_PROXY_CONNECTION_KEEP_ALIVE', 'proxy.connection_keep_alive', asDuration],
  ['OLLA_PROXY_RESPONSE_TIMEOUT', 'proxy.response_timeout', asDuration],
  ['OLLA_PROXY_READ_TIMEOUT', 'proxy.read_timeout', asDuration],
  ['OLLA_PROXY_RESPONSE_HEADER_TIMEOUT', 'proxy.response_header_timeout', asDuration],
  ['OLLA_PROXY_TLS_HANDSHAKE_TIMEOUT', 'proxy.tls_handshake_timeout', asDuration],
  ['OLLA_PROXY_STICKY_SESSIONS_ENABLED', 'proxy.sticky_sessions.enabled', asFlag],
  ['OLLA_MODEL_REGISTRY_TYPE', 'model_registry.type', asText],
  ['OLLA_MODEL_UNIFIER_ENABLED', 'model_registry.enable_unifier', asFlag],
  ['OLLA_TRANSLATORS_ANTHROPIC_ENABLED', 'translators.anthropic.enabled', asFlag],
  ['OLLA_TRANSLATORS_ANTHROPIC_PASSTHROUGH_ENABLED', 'translators.anthropic.passthrough_enabled', asFlag],
  ['OLLA_TRANSLATORS_ANTHROPIC_MAX_MESSAGE_SIZE', 'translators.anthropic.max_message_size', asBytes],
  ['OLLA_DASHBOARD_ENABLED', 'dashboard.enabled', asFlag],
  ['OLLA_DASHBOARD_ALLOWED_CIDRS', 'dashboard.access_policy.allowed_cidrs', asList],
  ['OLLA_DASHBOARD_ALLOWED_HOSTS', 'dashboard.access_policy.allowed_hosts', asList],
  ['OLLA_DASHBOARD_GATE_INTERNAL_API', 'dashboard.gate_internal_api', asFlag],
  ['OLLA_DASHBOARD_ADMIN_TOKEN', 'dashboard.admin_token', asText],
  // Bootstrap names precede configuration names, so that the latter take precedence if both are set.
  ['OLLA_LOG_LEVEL', 'logging.level', asText],
  ['OLLA_LOGGING_LEVEL', 'logging.level', asText],
  ['OLLA_LOGGING_FORMAT', 'logging.format', asText],
  ['OLLA_PRETTY_LOGS', 'logging.format', (text) => prettyFormat(asFlag(text))],
  ['OLLA_FILE_OUTPUT', 'logging.output', (text) => fileOutput(asFlag(text))],
  ['OLLA_LOG_DIR', 'logging.dir', asText],
  ['OLLA_LOG_SIZE_MB', 'logging.max_size_mb', asInteger],
  ['OLLA_LOG_MAX_BACKUPS', 'logging.max_backups', asInteger],
  ['OLLA_LOG_MAX_AGE_DAYS', 'logging.max_age_days', asInteger],
  ['OLLA_SHOW_NERD_STATS', 'engineering.show_nerdstats', asFlag],
]

/** Variables of Olla that other parts of the gateway read, or that have no effect here. */
const readElsewhere = new Set([
  'OLLA_CONFIG_FILE',
  'OLLA_CONFIG_DIR',
  'OLLA_SHOW_VERSION',
  'OLLA_ENABLE_PROFILER',
  'OLLA_THEME',
  'OLLA_FORCE_COLORS',
  'OLLA_GATEWAY_URL',
  'OLLA_GATEWAY_TOKEN',
])

/** Every variable that overrides a key, for documentation and tests. */
export const environmentKeys: ReadonlyMap<string, string> = new Map(
  overrides.map(([name, key]) => [name, key]),
)

/** What each parser expects, for messages. */
const expectations: ReadonlyMap<Parser, string> = new Map([
  [asInteger, 'a whole number'],
  [asThreads, 'a whole number or auto'],
  [asFlag, 'true or false'],
  [asDuration, 'a duration with a unit, for example 30s'],
  [asMemory, 'a size in bytes, with a unit, or auto'],
  [asBytes, 'a size in bytes, or with a unit, for example 100MB'],
])

/**
 * Applies environment variables to a document.
 * @param flags command-line flags that set variables: variable name to the flag as typed
 * @returns a new document, the problems of the variables, and the variable that set each key
 */
export function applyEnvironment(
  document: Readonly<Record<string, unknown>>,
  env: Env,
  flags: ReadonlyMap<string, string> = new Map(),
): { document: Record<string, unknown>; diagnostics: Diagnostic[]; sources: ReadonlyMap<string, string> } {
  const diagnostics: Diagnostic[] = []
  const sources = new Map<string, string>()
  const result = structuredClone(document) as Record<string, unknown>
  for (const [name, key, parse] of overrides) {
    const text = env[name]
    if (text === undefined || text === '') continue
    const value = parse(text)
    if (value === undefined) {
      const expected = expectations.get(parse) ?? 'true or false'
      diagnostics.push({
        severity: 'error',
        key: flags.get(name) ?? name,
        message: `must be ${expected}, not "${text}"`,
      })
    } else {
      setAt(result, key.split('.'), value)
      sources.set(key, flags.get(name) ?? name)
    }
  }
  const names = overrides.map(([name]) => name)
  for (const name of Object.keys(env)) {
    if (!name.startsWith('OLLA_') || readElsewhere.has(name) || names.includes(name)) continue
    const guess = nearest(name, names)
    const hint = guess === undefined ? '' : `, did you mean ${guess}?`
    diagnostics.push({ severity: 'warning', key: name, message: `unknown environment variable${hint}` })
  }
  return { document: result, diagnostics, sources }
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let section = target
  for (const key of path.slice(0, -1)) {
    const next = section[key]
    if (typeof next === 'object' && next !== null && !Array.isArray(next))
      section = next as Record<string, unknown>
    else {
      const created: Record<string, unknown> = {}
      section[key] = created
      section = created
    }
  }
  section[path.at(-1) ?? ''] = value
}

function prettyFormat(flag: unknown): string | undefined {
  return flag === undefined ? undefined : flag === true ? 'text' : 'json'
}

function fileOutput(flag: unknown): string | undefined {
  return flag === undefined ? undefined : flag === true ? 'file' : 'stdout'
}
