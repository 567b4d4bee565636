import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { UpstreamPools } from '../../endpoints/connections/pools.ts'
import type { WatchedOptions } from '../../endpoints/connections/reused-connection.ts'
import type { CarriedAttempt, Transport, UpstreamRequest } from '../contract/transport.ts'
import { UndiciAnswer } from './undici-answer.ts'
import { watchedBody, watchedBodyBytes } from './watched-body.ts'

/** The `sherpa` engine's transport: each attempt is one `dispatch` on the undici pool of its endpoint. */
export class UndiciTransport implements Transport {
  readonly keepsBodiesBelow = watchedBodyBytes
  readonly #pools: UpstreamPools

  constructor(pools: UpstreamPools) {
    this.#pools = pools
  }

  send(attempt: CarriedAttempt, request: UpstreamRequest): void {
    const answer = new UndiciAnswer(attempt, request.reopen)
    const options = answer.watch(dispatchOptions(attempt, request))
    this.#pools.get(attempt.target.endpoint).dispatch(options, answer)
  }
}

function dispatchOptions(
  attempt: CarriedAttempt,
  { method, path, headers, body }: UpstreamRequest,
): Omit<WatchedOptions, 'reuse'> {
  const options = { method: method as Dispatcher.HttpMethod, path }
  // Over TLS undici requests the next part only after the answer, then drops the connection as unfinished.
  const isTls = attempt.target.endpoint.origin.startsWith('https:')
  if (isTls || !Buffer.isBuffer(body) || body.length < watchedBodyBytes)
    return { ...options, headers: headers as string[], body }
  return {
    ...options,
    headers: [...headers, 'Content-Length', String(body.length)],
    // undici accepts any iterable; its types declare streams only.
    body: watchedBody(body, () => attempt.onBodyWritten()) as unknown as Readable,
  }
}
