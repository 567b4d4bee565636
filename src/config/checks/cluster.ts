import type { KeyPath, Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'

/** Problems of the section `cluster`. @param config before secrets are read */
export function checkCluster({ cluster }: GatewayConfig): Problem[] {
  const problems: Problem[] = []
  const error = (path: KeyPath, message: string) =>
    problems.push({ severity: 'error', path: ['cluster', ...path], message })
  if (cluster.redis === '') {
    if (cluster.nodes.length > 0) error(['nodes'], 'has no effect without "redis"')
    return problems
  }
  for (const [index, url] of [cluster.redis, ...cluster.nodes].entries()) {
    if (isRedisUrl(url)) continue
    const path = index === 0 ? ['redis'] : ['nodes', index - 1]
    error(path, 'is not a URL such as redis://host:6379 or rediss://host:6379')
  }
  if (cluster.password !== undefined && cluster.password_file !== undefined)
    error(['password'], 'set either "password" or "password_file", not both')
  if (cluster.sentinel_password !== undefined && cluster.sentinel_password_file !== undefined)
    error(['sentinel_password'], 'set either "sentinel_password" or "sentinel_password_file", not both')
  if (cluster.member_timeout < 2 * cluster.heartbeat)
    error(['member_timeout'], 'must be at least twice the heartbeat')
  if (cluster.topology === 'standalone' && cluster.nodes.length > 0)
    error(['nodes'], 'is for the topologies sentinel and cluster')
  return problems
}

function isRedisUrl(text: string): boolean {
  return URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol) && new URL(text).hostname !== ''
}
