import { printable } from '../top/text.ts'

/** Data of `olla-gateway status`; printed unchanged with `--json`. */
export interface FleetStatus {
  readonly url: string
  readonly status: 'healthy' | 'degraded' | 'critical' | 'unreachable' | 'refused' | 'limited'
  /** Why the gateway could not be read. */
  readonly error: string | null
  /** `system` of `/internal/status`. */
  readonly system: Readonly<Record<string, unknown>> | null
  /** `endpoints` of `/internal/status/endpoints`. */
  readonly endpoints: readonly Readonly<Record<string, unknown>>[]
}

export function statusText({ url, status, error, system, endpoints }: FleetStatus): string {
  if (system === null) return `${url}: ${status}: ${printable(error ?? '')}\n`
  const lines = [
    `${url}: ${status}, olla-gateway ${text(system.version)}, up ${text(system.uptime)}`,
    `endpoints ${text(system.endpoints_up)}, success ${text(system.success_rate)}, ${text(system.active_connections)} in flight, ${text(system.total_requests)} requests, ${text(system.total_failures)} failures`,
  ]
  const rows = endpoints.map((endpoint) => {
    const breaker = endpoint.breaker as { readonly state?: unknown } | undefined
    return [
      text(endpoint.name),
      text(endpoint.status),
      text(breaker?.state),
      `${text(endpoint.in_flight)} in flight`,
      `${text(endpoint.model_count)} models`,
      text(endpoint.issues ?? ''),
    ]
  })
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    lines.push(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
  }
  return `${lines.join('\n')}\n`
}

function text(value: unknown): string {
  return value === undefined || value === null ? '-' : printable(String(value))
}
