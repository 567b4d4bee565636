import type { Problem } from '../schema/diagnostics.ts'
import type { GatewayConfig } from '../schema/schema.ts'
import { parseHttpUrl } from './endpoint-rules.ts'
import { acceptsConnectionsTo, addressesOf, type Machine } from './own-addresses.ts'

/** Finds endpoints that are the gateway itself: each request to one would cause another request, endlessly. */
export function findSelf({ server, discovery }: GatewayConfig, machine: Machine): Problem[] {
  return discovery.static.endpoints.flatMap((endpoint, index): Problem[] => {
    const url = parseHttpUrl(endpoint.url)
    if (url === undefined || server.port === 0 || portOf(url) !== server.port) return []
    const addresses = addressesOf(url.hostname, machine)
    if (!addresses.some((address) => acceptsConnectionsTo(address, server.host, machine))) return []
    const message = `is the gateway's own address (server.host and server.port)`
    return [{ severity: 'error', path: ['discovery', 'static', 'endpoints', index, 'url'], message }]
  })
}

export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === 'https:' ? 443 : 80))
}
