import ipaddr from 'ipaddr.js'
import { readHost } from '../../http/host-name.ts'
import { maxModelNameLength } from '../../kernel/names/model-name.ts'
import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'
import { isHeaderName } from './endpoint-rules.ts'
import { findCycles } from './name-cycles.ts'

/** A thread sends a heartbeat every 20 ms at most, and a garbage collection may take longer. */
const minWatchdogMs = 1_000

/** Checks relations between keys, which the schema cannot express (contract 2.3, 3.1). */
export function checkSemantics(config: GatewayConfig): Problem[] {
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) => problems.push({ severity: 'error', path, message })
  const { server, discovery, dashboard, translators } = config

  if (server.watchdog_timeout > 0 && server.watchdog_timeout < minWatchdogMs)
    error(['server', 'watchdog_timeout'], 'must be 0 or at least 1s')
  if (server.cors.enabled) {
    if (server.cors.allowed_origins.length === 0)
      error(['server', 'cors', 'allowed_origins'], 'must not be empty')
    if (server.cors.allow_credentials && server.cors.allowed_origins.includes('*')) {
      error(['server', 'cors', 'allow_credentials'], 'cannot be used with the origin "*": name the origins')
    }
  }
  for (const [index, host] of server.allowed_hosts.entries()) {
    if (host !== '*' && !isHostName(host))
      error(
        ['server', 'allowed_hosts', index],
        `"${host}" is not a host name: give it without scheme and port`,
      )
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
  const { stale_threshold: staleMs } = config.model_registry.unification
  if (discovery.model_discovery.enabled && staleMs > 0 && staleMs <= discovery.model_discovery.interval) {
    problems.push({
      severity: 'warning',
      path: ['model_registry', 'unification', 'stale_threshold'],
      message: 'models expire between two discoveries: must be more than discovery.model_discovery.interval',
    })
  }
  const { sticky_sessions: sticky } = config.proxy
  if (sticky.load_bound > 0 && sticky.load_bound < 1) {
    error(['proxy', 'sticky_sessions', 'load_bound'], 'must be 0 or at least 1')
  }
  if (sticky.enabled && sticky.idle_ttl_seconds === 0) {
    problems.push({
      severity: 'warning',
      path: ['proxy', 'sticky_sessions', 'idle_ttl_seconds'],
      message: 'sessions never expire, but the caches of endpoints do',
    })
  }
  const names = discovery.static.endpoints.map(({ name, url }) =>
    // An endpoint without a name has that of its address.
    (name ?? (URL.canParse(url) ? new URL(url).host : '')).toLowerCase(),
  )
  for (const [index, name] of config.proxy.management_endpoints.entries()) {
    if (!/[*?]/.test(name) && !names.includes(name.toLowerCase()))
      error(['proxy', 'management_endpoints', index], `there is no endpoint "${name}"`)
  }
  problems.push(...checkModelNames(config))
  return problems
}

/** Checks the names and cycles of aliases and fallbacks. */
function checkModelNames({ model_aliases: aliases, model_fallbacks: fallbacks }: GatewayConfig): Problem[] {
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) => problems.push({ severity: 'error', path, message })
  const warn = (path: KeyPath, message: string) => problems.push({ severity: 'warning', path, message })
  const targets = new Map<string, readonly string[]>()
  for (const [alias, value] of Object.entries(aliases)) {
    if (alias.trim() === '') error(['model_aliases', alias], 'a name must not be empty')
    if (alias.length > maxModelNameLength)
      error(['model_aliases', alias], `a name must not be longer than ${maxModelNameLength} characters`)
    const seen = new Set<string>()
    const list = Array.isArray(value) ? value : value.targets
    const names = list.map((target) => (typeof target === 'string' ? target : target.model))
    for (const [index, name] of names.entries()) {
      if (name.trim() === '') error(['model_aliases', alias, index], 'a name must not be empty')
      if (seen.has(name)) warn(['model_aliases', alias, index], `"${name}" is repeated`)
      seen.add(name)
    }
    targets.set(alias, names)
  }
  for (const cycle of findCycles(targets)) {
    const names = cycle.map((name) => `"${name}"`).join(' → ')
    warn(
      ['model_aliases', cycle[0] ?? ''],
      `these aliases are circular: ${names}; the last of them means the model of that name`,
    )
  }
  for (const [model, names] of Object.entries(fallbacks)) {
    if (names.includes(model)) warn(['model_fallbacks', model], 'the model is its own fallback')
  }
  for (const cycle of findCycles(new Map(Object.entries(fallbacks)))) {
    const names = cycle.map((name) => `"${name}"`).join(' → ')
    warn(
      ['model_fallbacks', cycle[0] ?? ''],
      `these fallbacks are circular: ${names}; the fallbacks of a fallback are not tried`,
    )
  }
  return problems
}

function isHostName(text: string): boolean {
  const read = readHost(text)
  return read !== undefined && read.port === undefined && !text.includes('*')
}

function isCidr(text: string): boolean {
  try {
    ipaddr.parseCIDR(text.trim())
    return true
  } catch {
    return false
  }
}

function isSystemFolder(folder: string): boolean {
  return /^(?:\/|[a-z]:[\\/]?)$|^\/(?:bin|boot|dev|etc|lib|proc|sbin|sys|usr)(?:\/|$)|^[a-z]:[\\/](?:windows|program files)/i.test(
    folder,
  )
}
