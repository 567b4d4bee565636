import type { PoolTarget } from '../../endpoints/connections/pools.ts'
import type { ClientPool } from '../../http/client/contract.ts'
import type { Transport } from '../contract/transport.ts'

/** The connections of an engine, one pool per endpoint. */
export interface EngineConnections {
  get(target: PoolTarget): Pick<ClientPool, 'send'>
}

/** An engine's transport: its HTTP client drives the attempt, without streams in between. */
export function directTransport(connections: EngineConnections): Transport {
  return {
    send(attempt, request) {
      connections.get(attempt.target.endpoint).send(request, attempt)
    },
  }
}
