import type { UpstreamConnections } from '../../endpoints/connections/connections.ts'
import type { Transport } from '../contract/transport.ts'

/** The `olla` engine's transport: the gateway's own HTTP client drives the attempt, without streams in between. */
export function directTransport(connections: UpstreamConnections): Transport {
  return {
    keepsBodiesBelow: 0,
    send(attempt, request) {
      connections.get(attempt.target.endpoint).send(request, attempt)
    },
  }
}
