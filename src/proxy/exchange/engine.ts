import { GatewayError } from '../../kernel/errors.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { ClientReply } from '../contract/client-reply.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { Exchange } from './exchange.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { ActiveExchange, ExchangeServices } from './exchange-services.ts'

/** Services that the engine uses: those of its exchanges, and the length of the queue. */
export type EngineServices = ExchangeServices & { readonly queue: WaitingLine }

/** Phases of a request that is at no endpoint. */
const waitingPhases: ReadonlySet<ExchangePhase> = new Set(['choosing', 'queued', 'backoff'])

/** The common front of both engines: accepts a request and always answers it. */
export class ProxyEngine {
  readonly name: string
  #services: EngineServices
  #isOver = false

  constructor(name: string, services: EngineServices) {
    this.name = name
    this.#services = services
  }

  /** Changes what later requests use; those in flight keep what they began with. */
  use(services: Pick<EngineServices, 'options' | 'retries' | 'estimates' | 'hedging'>): void {
    this.#services = { ...this.#services, ...services }
  }

  /** Number of requests in flight. */
  get active(): number {
    return this.#services.active.size
  }

  /** Number of requests that wait for a slot on an endpoint. */
  get waiting(): number {
    return this.#services.queue.waiting
  }

  /** The requests that wait. */
  get line(): WaitingLine {
    return this.#services.queue
  }

  /** The requests in flight; a copy. */
  exchanges(): ActiveExchange[] {
    return this.#services.active.entries()
  }

  /** Completion tokens of the streams in flight, as counted so far. */
  tokensInFlight(): number {
    let tokens = 0
    for (const exchange of this.#services.active.entries())
      tokens += exchange.context.answer?.contentEvents ?? 0
    return tokens
  }

  /** Starts the exchange; it ends by itself and answers through `reply`. */
  handle(request: ExchangeRequest, reply: ClientReply): void {
    if (this.#isOver) {
      reply.send(drainingError())
      return
    }
    new Exchange(this.#services, request, reply).start()
  }

  /** After the drain of an endpoint: ends the requests in flight there. @returns their number */
  cutAt(endpoint: string): number {
    const there = this.#at(endpoint)
    for (const { hedge } of this.#services.active.entries()) hedge?.leave(endpoint)
    const cut = there.filter(({ hedge }) => hedge?.takeOver() !== true)
    for (const exchange of cut) exchange.cut(removedMessage)
    return cut.length
  }

  /**
   * Requests in flight at a model of an endpoint, both by name; one that names no model counts for each.
   * @param model undefined for all
   */
  inFlightAt(endpoint: string, model: string | undefined): number {
    const isModel = (used: string | undefined) => model === undefined || (used ?? model) === model
    const hedges = this.#services.active
      .entries()
      .filter(({ hedge }) => hedge?.target?.endpoint.name === endpoint && isModel(hedge.target.nativeModel))
    return this.#at(endpoint).filter(({ context }) => isModel(context.lastModel)).length + hedges.length
  }

  /** After a drain: ends the requests still in flight so that clients see it, and refuses later ones. */
  cutAll(): number {
    this.#isOver = true
    const cut = this.#services.active.size
    for (const exchange of this.#services.active.entries()) exchange.cut()
    return cut
  }

  #at(endpoint: string): ActiveExchange[] {
    return this.#services.active
      .entries()
      .filter(({ context, phase }) => context.lastEndpoint === endpoint && !waitingPhases.has(phase))
  }
}

const removedMessage = 'The endpoint was taken out of service before the response had ended.'

/** Another gateway, or this one after a restart, can serve the client at once. */
function drainingError(): GatewayError {
  return new GatewayError('draining', undefined, { retryAfterSeconds: 1 })
}
