import type { UpstreamConnections } from '../../endpoints/connections/connections.ts'
import type { CarriedAttempt, Transport, UpstreamRequest } from '../contract/transport.ts'

/** The `olla` engine's transport: a connection of the gateway's own drives the attempt, no streams between. */
export class DirectTransport implements Transport {
  readonly keepsBodiesBelow = 0
  readonly #connections: UpstreamConnections

  constructor(connections: UpstreamConnections) {
    this.#connections = connections
  }

  send(attempt: CarriedAttempt, request: UpstreamRequest): void {
    this.#connections.get(attempt.target.endpoint).send(request, attempt)
  }
}
