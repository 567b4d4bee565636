import type { NetworkInterfaceInfo } from 'node:os'
import type { Problem } from './diagnostics.ts'
import { parseHttpUrl } from './endpoint-rules.ts'
import type { GatewayConfig } from './schema.ts'

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/**
 * Endpoints that are the gateway itself: each request to one would become another, without end.
 * @param interfaces of this machine
 */
export function findSelf({ server, discovery }: GatewayConfig, interfaces: Interfaces): Problem[] {
  const own = ownHosts(server.host, interfaces)
  return discovery.static.endpoints.flatMap((endpoint, index): Problem[] => {
    const url = parseHttpUrl(endpoint.url)
    if (url === undefined || server.port === 0) return []
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    if (port !== server.port || !own.has(plainHost(url.hostname))) return []
    const message = `is the gateway's own address (server.host and server.port)`
    return [{ severity: 'error', path: ['discovery', 'static', 'endpoints', index, 'url'], message }]
  })
}

const everywhere = new Set(['0.0.0.0', '::', ''])

/** Hosts under which a listener is reached from this machine. */
function ownHosts(host: string, interfaces: Interfaces): ReadonlySet<string> {
  const listener = plainHost(host)
  if (everywhere.has(listener)) {
    const addresses = Object.values(interfaces).flatMap((each) => (each ?? []).map(({ address }) => address))
    return new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0', '::', ...addresses])
  }
  const isLoopback = listener === 'localhost' || listener === '127.0.0.1' || listener === '::1'
  return new Set(isLoopback ? [listener, 'localhost', '0.0.0.0'] : [listener])
}

function plainHost(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, '')
}
