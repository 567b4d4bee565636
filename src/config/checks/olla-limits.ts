import { isRecord } from '../file/decode.ts'
import type { Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'

/**
 * In Olla, `per_ip_requests_per_minute: 0` also disables the limit for all clients (contract 9.1). The gateway does the
 * same unless the document sets that limit itself.
 */
export function applyOllaLimits(
  config: GatewayConfig,
  document: unknown,
): { config: GatewayConfig; problems: Problem[] } {
  const { rate_limits: limits } = config.server
  if (limits.per_ip_requests_per_minute > 0 || limits.global_requests_per_minute === 0) {
    return { config, problems: [] }
  }
  if (givesGlobalLimit(document)) {
    const message = 'acts although per_ip_requests_per_minute is 0, which disables both limits in Olla'
    const path = ['server', 'rate_limits', 'global_requests_per_minute']
    return { config, problems: [{ severity: 'warning', path, message }] }
  }
  const server = { ...config.server, rate_limits: { ...limits, global_requests_per_minute: 0 } }
  return { config: { ...config, server }, problems: [] }
}

function givesGlobalLimit(document: unknown): boolean {
  const server = isRecord(document) ? document.server : undefined
  const limits = isRecord(server) ? server.rate_limits : undefined
  return isRecord(limits) && (limits.global_requests_per_minute ?? null) !== null
}
