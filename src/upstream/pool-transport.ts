import type { Dispatcher } from 'undici'
import type { Attempt } from './attempt.ts'
import type { UpstreamPools } from './pools.ts'
import type { Transport, UpstreamRequest } from './transport.ts'

/** The `olla` engine's transport: undici dispatches straight into the attempt, no streams between. */
export class PoolTransport implements Transport {
  readonly #pools: UpstreamPools

  constructor(pools: UpstreamPools) {
    this.#pools = pools
  }

  send(attempt: Attempt, request: UpstreamRequest): void {
    const { endpoint } = attempt.target
    const options: Dispatcher.DispatchOptions = {
      method: request.method as Dispatcher.HttpMethod,
      path: request.path,
      headers: request.headers as string[],
      body: request.body,
    }
    this.#pools.get(endpoint).dispatch(options, attempt)
  }
}
