import { GatewayError } from '../../kernel/errors.ts'
import type { CapacityQueue } from '../../routing/selection/capacity-queue.ts'
import type { ClientReply } from '../contract/client-reply.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { Exchange } from './exchange.ts'
import type { ActiveExchange, ExchangeServices } from './exchange-services.ts'

/** What the engine touches: all that its exchanges need, and how many wait. */
export type EngineServices = ExchangeServices & { readonly queue: Pick<CapacityQueue, 'waiting'> }

/** The one contract of both engines: takes a request over and answers it, whatever happens. */
export class ProxyEngine {
  readonly name: string
  readonly #services: EngineServices
  #isOver = false

  constructor(name: string, services: EngineServices) {
    this.name = name
    this.#services = services
  }

  /** Requests under way. */
  get active(): number {
    return this.#services.active.size
  }

  /** Requests that wait for a place on an endpoint. */
  get waiting(): number {
    return this.#services.queue.waiting
  }

  /** The requests under way; a copy. */
  exchanges(): ActiveExchange[] {
    return this.#services.active.entries()
  }

  /** Completion tokens of the streams under way, as counted so far. */
  tokensUnderWay(): number {
    let tokens = 0
    for (const exchange of this.#services.active.entries())
      tokens += exchange.context.answer?.contentEvents ?? 0
    return tokens
  }

  /** Begins the exchange; it ends by itself and answers through `reply`. */
  handle(request: ExchangeRequest, reply: ClientReply): void {
    if (this.#isOver) {
      reply.send(drainingError())
      return
    }
    new Exchange(this.#services, request, reply).start()
  }

  /** A drain is over: ends what is still under way so that clients see it, and refuses what comes later. */
  cutAll(): number {
    this.#isOver = true
    const cut = this.#services.active.size
    for (const exchange of this.#services.active.entries()) exchange.cut()
    return cut
  }
}

/** Another gateway, or this one again, can serve the client at once. */
function drainingError(): GatewayError {
  return new GatewayError('draining', undefined, { retryAfterSeconds: 1 })
}
