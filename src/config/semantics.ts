import ipaddr from 'ipaddr.js'
import type { KeyPath } from './diagnostics.ts'
import { nearest } from './diagnostics.ts'
import type { EndpointConfig, GatewayConfig } from './schema.ts'
import type { Problem } from './validate.ts'

/** What the schema cannot say: relations between keys (contract 2.3, 3.1). */
export function checkSemantics(config: GatewayConfig, knownTypes: readonly string[] | undefined): Problem[] {
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) => problems.push({ severity: 'error', path, message })
  const { server, discovery, dashboard, translators } = config

  if (server.cors.enabled) {
    if (server.cors.allowed_origins.length === 0)
      error(['server', 'cors', 'allowed_origins'], 'must not be empty')
    if (server.cors.allow_credentials && server.cors.allowed_origins.includes('*')) {
      error(['server', 'cors', 'allow_credentials'], 'cannot be used with the origin "*": name the origins')
    }
  }
  for (const [index, cidr] of server.rate_limits.trusted_proxy_cidrs.entries()) {
    if (!isCidr(cidr))
      error(['server', 'rate_limits', 'trusted_proxy_cidrs', index], `"${cidr}" is not a network (CIDR)`)
  }
  const hasToken = dashboard.admin_token !== undefined || dashboard.admin_token_file !== undefined
  if (dashboard.enabled && dashboard.access_policy.allowed_cidrs.length === 0 && !hasToken) {
    error(
      ['dashboard', 'access_policy', 'allowed_cidrs'],
      'must not be empty while the dashboard is enabled, unless there is an admin_token',
    )
  }
  if (dashboard.admin_token !== undefined && dashboard.admin_token_file !== undefined) {
    error(['dashboard', 'admin_token'], 'set either "admin_token" or "admin_token_file", not both')
  }
  for (const [index, cidr] of dashboard.access_policy.allowed_cidrs.entries()) {
    if (!isCidr(cidr))
      error(['dashboard', 'access_policy', 'allowed_cidrs', index], `"${cidr}" is not a network (CIDR)`)
  }
  if (translators.anthropic.max_message_size > 104_857_600) {
    error(['translators', 'anthropic', 'max_message_size'], 'must be at most 100MB')
  }
  if (translators.anthropic.inspector.enabled) {
    const { output_dir, session_header } = translators.anthropic.inspector
    if (isSystemFolder(output_dir)) {
      error(['translators', 'anthropic', 'inspector', 'output_dir'], 'must not be a folder of the system')
    }
    if (!isHeaderName(session_header)) {
      error(['translators', 'anthropic', 'inspector', 'session_header'], 'is not a header name')
    }
  }
  if (discovery.model_discovery.enabled) {
    for (const key of ['interval', 'timeout'] as const) {
      if (discovery.model_discovery[key] <= 0) {
        error(['discovery', 'model_discovery', key], 'must be more than 0 while model discovery is enabled')
      }
    }
  }
  const { sticky_sessions: sticky } = config.proxy
  if (sticky.load_bound > 0 && sticky.load_bound < 1) {
    error(['proxy', 'sticky_sessions', 'load_bound'], 'must be 0 or at least 1')
  }
  if (sticky.enabled && sticky.idle_ttl_seconds === 0) {
    problems.push({
      severity: 'warning',
      path: ['proxy', 'sticky_sessions', 'idle_ttl_seconds'],
      message: 'sessions never expire, and the caches of endpoints do',
    })
  }
  for (const alias of Object.keys(config.model_aliases)) {
    if (alias.trim() === '') error(['model_aliases', alias], 'a name must not be empty')
  }
  for (const [alias, targets] of Object.entries(config.model_aliases)) {
    const seen = new Set<string>()
    const list = Array.isArray(targets) ? targets : targets.targets
    const names = list.map((target) => (typeof target === 'string' ? target : target.model))
    for (const [index, target] of names.entries()) {
      if (target.trim() === '') error(['model_aliases', alias, index], 'a name must not be empty')
      if (seen.has(target)) {
        problems.push({
          severity: 'warning',
          path: ['model_aliases', alias, index],
          message: `"${target}" is there twice`,
        })
      }
      seen.add(target)
    }
  }
  problems.push(...checkEndpoints(discovery.static.endpoints, knownTypes))
  return problems
}

function checkEndpoints(
  endpoints: readonly EndpointConfig[],
  knownTypes: readonly string[] | undefined,
): Problem[] {
  const problems: Problem[] = []
  const names = new Map<string, number>()
  const urls = new Map<string, number>()
  for (const [index, endpoint] of endpoints.entries()) {
    const base: KeyPath = ['discovery', 'static', 'endpoints', index]
    const error = (key: string, message: string) =>
      problems.push({ severity: 'error', path: [...base, key], message })
    problems.push(...checkAuth(endpoint, base))
    if (endpoint.check_interval < 1000) error('check_interval', 'must be at least 1s')
    if (endpoint.check_timeout > 30_000) error('check_timeout', 'must be at most 30s')
    if (endpoint.check_timeout >= endpoint.check_interval)
      error('check_timeout', 'must be less than check_interval')
    const type = endpoint.type.toLowerCase()
    if (type !== 'auto' && knownTypes !== undefined && !knownTypes.includes(type)) {
      const guess = nearest(type, ['auto', ...knownTypes])
      error(
        'type',
        `unsupported endpoint type: ${endpoint.type}${guess === undefined ? '' : `, did you mean "${guess}"?`}`,
      )
    }
    for (const [name, value] of Object.entries(endpoint.headers)) {
      if (!isHeaderName(name)) error('headers', `"${name}" is not a header name`)
      else if (/[\r\n\0]/.test(value)) error('headers', `the value of "${name}" has a line break`)
    }
    const url = parseUrl(endpoint.url)
    if (url === undefined) {
      error('url', 'must be an http or https URL')
      continue
    }
    if (url.username !== '' || url.password !== '') {
      error('url', 'must not hold credentials; use "auth: { type: basic, username: …, password: … }"')
    }
    const name = endpoint.name ?? url.host
    const normal = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
    const sameName = names.get(name)
    const sameUrl = urls.get(normal)
    if (sameName !== undefined)
      error(
        endpoint.name === undefined ? 'url' : 'name',
        `endpoint ${sameName + 1} has the name "${name}" already`,
      )
    if (sameUrl !== undefined) error('url', `endpoint ${sameUrl + 1} has this URL already`)
    names.set(name, index)
    urls.set(normal, index)
  }
  return problems
}

/** Keys that each kind of credentials needs. */
const authKeys = { bearer: ['token'], api_key: ['key'], basic: ['username', 'password'] } as const

function checkAuth({ auth }: EndpointConfig, base: KeyPath): Problem[] {
  if (auth === undefined) return []
  const problems: Problem[] = []
  for (const key of authKeys[auth.type]) {
    const inline = auth[key] !== undefined
    const fromFile = auth[`${key}_file`] !== undefined
    if (inline === fromFile) {
      const message = inline
        ? `set either "${key}" or "${key}_file", not both`
        : `"${key}" or "${key}_file" is missing`
      problems.push({ severity: 'error', path: [...base, 'auth'], message })
    }
  }
  if (auth.header !== undefined && !isHeaderName(auth.header)) {
    problems.push({ severity: 'error', path: [...base, 'auth', 'header'], message: 'is not a header name' })
  }
  return problems
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
  } catch {
    return undefined
  }
}

function isCidr(text: string): boolean {
  try {
    ipaddr.parseCIDR(text.trim())
    return true
  } catch {
    return false
  }
}

function isHeaderName(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)
}

function isSystemFolder(folder: string): boolean {
  return /^(?:\/|[a-z]:[\\/]?)$|^\/(?:bin|boot|dev|etc|lib|proc|sbin|sys|usr)(?:\/|$)|^[a-z]:[\\/](?:windows|program files)/i.test(
    folder,
  )
}
