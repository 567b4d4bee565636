import ipaddr from 'ipaddr.js'
import { isRecord } from '../file/decode.ts'
import type { Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'
import { plainHost } from './own-addresses.ts'

/**
 * Reports access that the configuration grants to other machines without saying so.
 * @param document source of the configuration
 */
export function checkExposure({ server, dashboard }: GatewayConfig, document: unknown): Problem[] {
  const problems: Problem[] = []
  const warn = (path: readonly string[], message: string) =>
    problems.push({ severity: 'warning', path, message })
  if (!isLoopback(server.host) && !dashboard.gate_internal_api) {
    warn(
      ['server', 'host'],
      'other machines can reach this address, and read status, statistics and metrics: dashboard.gate_internal_api limits them by dashboard.access_policy and the admin_token',
    )
  }
  const limits = server.rate_limits
  if (limits.trust_proxy_headers && !isGiven(document, ['server', 'rate_limits', 'trusted_proxy_cidrs'])) {
    warn(
      ['server', 'rate_limits', 'trust_proxy_headers'],
      'any client in a private network may choose its own address: list your proxies in trusted_proxy_cidrs',
    )
  }
  return problems
}

function isLoopback(host: string): boolean {
  const plain = plainHost(host)
  if (plain === 'localhost' || plain.endsWith('.localhost')) return true
  return ipaddr.isValid(plain) && ipaddr.parse(plain).range() === 'loopback'
}

function isGiven(document: unknown, path: readonly string[]): boolean {
  let value = document
  for (const key of path) value = isRecord(value) ? value[key] : undefined
  return value !== undefined && value !== null
}
