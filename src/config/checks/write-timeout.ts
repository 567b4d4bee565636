import type { GatewayConfig } from '../schema/schema.ts'

/** The shorter of two limits; 0 means no limit. */
export function minTimeout(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b)
}

/** Applies `server.write_timeout`, which limits every response, also of endpoints with a longer limit of their own. */
export function withWriteTimeout(config: GatewayConfig): GatewayConfig {
  const { server, proxy, discovery } = config
  const limit = server.write_timeout
  if (limit === 0) return config
  const endpoints = discovery.static.endpoints.map((endpoint) => {
    const { timeouts } = endpoint
    const total = timeouts.total === 0 ? 0 : Math.min(timeouts.total, limit)
    return { ...endpoint, timeouts: { ...timeouts, total } }
  })
  return {
    ...config,
    proxy: { ...proxy, response_timeout: minTimeout(proxy.response_timeout, limit) },
    discovery: { ...discovery, static: { ...discovery.static, endpoints } },
  }
}
