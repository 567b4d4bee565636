import { callersAreOn } from '../options/derived.ts'
import type { GatewayConfig } from '../schema/schema.ts'

interface LiveKey {
  /** With all keys below it. */
  readonly key: string
  /** Restricts it: what is off at the start may need a restart. */
  readonly isLive?: (before: GatewayConfig, after: GatewayConfig) => boolean
}

/**
 * Keys that a change of the configuration applies while the gateway runs. Every other key needs a restart. A key belongs
 * here if a part of the gateway follows it (`ConfigVersions.follow`).
 */
export const liveKeys: readonly LiveKey[] = [
  { key: 'discovery.static.endpoints' },
  { key: 'discovery.drain_timeout' },
  { key: 'discovery.health.slow_start' },
  { key: 'discovery.health.busy_threshold' },
  { key: 'discovery.health.jitter' },
  { key: 'discovery.health.max_backoff' },
  { key: 'discovery.signals.interval' },
  { key: 'discovery.model_discovery.interval' },
  { key: 'discovery.model_discovery.timeout' },
  { key: 'discovery.model_discovery.retry_attempts' },
  { key: 'discovery.model_discovery.retry_backoff' },
  { key: 'model_aliases' },
  { key: 'model_fallbacks' },
  { key: 'model_filter' },
  { key: 'models' },
  { key: 'model_registry.routing_strategy' },
  { key: 'proxy.load_balancer' },
  { key: 'proxy.priority_tiers' },
  { key: 'proxy.sticky_sessions.load_bound' },
  { key: 'proxy.connection_timeout' },
  { key: 'proxy.tls_handshake_timeout' },
  { key: 'proxy.response_timeout' },
  { key: 'proxy.response_header_timeout' },
  { key: 'proxy.read_timeout' },
  { key: 'proxy.cold_start_timeout' },
  { key: 'proxy.warm_margin' },
  { key: 'proxy.max_retries' },
  { key: 'proxy.max_attempts' },
  { key: 'proxy.max_retry_wait' },
  { key: 'proxy.outage_wait' },
  { key: 'proxy.first_content_wait' },
  { key: 'proxy.retry_backoff' },
  { key: 'proxy.retry_budget' },
  { key: 'proxy.hedging' },
  { key: 'proxy.failover_statuses' },
  { key: 'proxy.queue' },
  { key: 'proxy.circuit_breaker' },
  // Without a limit at the start, no request is counted.
  { key: 'server.rate_limits.global_requests_per_minute', isLive: hasRateLimits },
  { key: 'server.rate_limits.per_ip_requests_per_minute', isLive: hasRateLimits },
  { key: 'server.rate_limits.health_requests_per_minute', isLive: hasRateLimits },
  { key: 'server.rate_limits.burst_size', isLive: hasRateLimits },
  { key: 'server.rate_limits.global_burst_size', isLive: hasRateLimits },
  { key: 'server.overload', isLive: watchesOverload },
  { key: 'server.allowed_hosts' },
  { key: 'dashboard.access_policy' },
  // The form for it is made at the start.
  { key: 'dashboard.admin_token', isLive: hasTokens },
  { key: 'callers.keys', isLive: haveCallers },
  { key: 'callers.teams', isLive: haveCallers },
  { key: 'callers.owners', isLive: haveCallers },
  { key: 'callers.prices', isLive: haveCallers },
  { key: 'callers.webhooks', isLive: haveCallers },
  { key: 'logging.level' },
]

export function isLiveKey(key: string, before: GatewayConfig, after: GatewayConfig): boolean {
  return liveKeys.some(
    ({ key: live, isLive }) =>
      (key === live || key.startsWith(`${live}.`) || key.startsWith(`${live}[`)) &&
      isLive?.(before, after) !== false,
  )
}

function hasRateLimits({ server }: GatewayConfig): boolean {
  const limits = server.rate_limits
  return (
    limits.global_requests_per_minute > 0 ||
    limits.per_ip_requests_per_minute > 0 ||
    limits.health_requests_per_minute > 0
  )
}

/** The hook is added at the start. */
function watchesOverload({ server }: GatewayConfig): boolean {
  return server.overload.enabled
}

function haveCallers({ callers: before }: GatewayConfig, { callers: after }: GatewayConfig): boolean {
  return callersAreOn(before) && callersAreOn(after)
}

function hasTokens({ dashboard: before }: GatewayConfig, { dashboard: after }: GatewayConfig): boolean {
  return before.admin_token !== undefined && after.admin_token !== undefined
}
