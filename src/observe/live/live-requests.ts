import type { Clock } from '../../kernel/clock.ts'
import type { ActiveExchange } from '../../proxy/exchange/exchange-services.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import { type InFlightRow, inFlightRow } from './in-flight-view.ts'
import type { RecentRequest, RecentRequests } from './recent-requests.ts'
import { type RecentDetail, type RecentRow, recentDetail, recentRow } from './recent-view.ts'
import { matches, maxRows, type RequestFilter } from './request-filter.ts'
import type { RequestKeys } from './request-keys.ts'

export interface LiveRequestsServices {
  readonly clock: Clock
  readonly link: PeerLink
  readonly events: EventBus
  readonly keys: RequestKeys
  /** In-flight requests of this thread. */
  readonly exchanges: () => readonly ActiveExchange[]
  /** Undefined if none are kept. */
  readonly recent: RecentRequests | undefined
}

export interface InFlightList {
  readonly total: number
  readonly requests: readonly InFlightRow[]
}

export interface RecentList {
  readonly capacity: number
  readonly total: number
  readonly matched: number
  readonly requests: readonly RecentRow[]
}

export interface RequestName {
  readonly id: string
  readonly request_id: string
}

/** `ambiguous`: several requests have this client-chosen ID. */
export type CancelResult = RequestName | 'unknown' | 'ambiguous'

const topics: {
  readonly list: Topic<undefined, InFlightList>
  readonly find: Topic<string, readonly RequestName[]>
  readonly cancel: Topic<{ readonly id: string; readonly by: string }, boolean>
  readonly recent: Topic<RequestFilter, RecentList>
  readonly detail: Topic<string, RecentDetail | undefined>
} = {
  list: 'requests.in-flight',
  find: 'requests.find',
  cancel: 'requests.cancel',
  recent: 'requests.recent',
  detail: 'requests.detail',
}

/** In-flight and recent requests over all threads. */
export class LiveRequests {
  readonly #services: LiveRequestsServices
  readonly #ends: readonly (() => void)[]

  constructor(services: LiveRequestsServices) {
    this.#services = services
    const { link } = services
    this.#ends = [
      link.on(topics.list, () => this.#list()),
      link.on(topics.find, (id) => this.#find(id).map((exchange) => this.#nameOf(exchange))),
      link.on(topics.cancel, ({ id, by }) => this.#cancel(id, by)),
      link.on(topics.recent, (filter) => this.#recent(filter)),
      link.on(topics.detail, (id) => this.#detail(id)),
    ]
  }

  stop(): void {
    for (const end of this.#ends) end()
  }

  /** Oldest first. */
  async inFlight(): Promise<InFlightList> {
    const lists = await this.#services.link.requestAll(topics.list, undefined)
    const requests = lists.flatMap((list) => list.requests).sort((a, b) => b.age_ms - a.age_ms)
    return { total: lists.reduce((sum, { total }) => sum + total, 0), requests: requests.slice(0, maxRows) }
  }

  /**
   * Cancels an in-flight request on any thread.
   * @param id the gateway's ID, or the client's if it is unique
   * @param by address of the client that cancels
   */
  async cancel(id: string, by: string): Promise<CancelResult> {
    const { link } = this.#services
    const found = (await link.requestAll(topics.find, id)).flat()
    const named = found.find((name) => name.id === id) ?? found[0]
    if (named === undefined) return 'unknown'
    if (found.length > 1 && named.id !== id) return 'ambiguous'
    const answers = await link.requestAll(topics.cancel, { id: named.id, by })
    return answers.includes(true) ? named : 'unknown'
  }

  /** Newest first. */
  async recent(filter: RequestFilter): Promise<RecentList> {
    const lists = await this.#services.link.requestAll(topics.recent, filter)
    const sum = (read: (list: RecentList) => number) => lists.reduce((total, list) => total + read(list), 0)
    const rows = lists.flatMap(({ requests }) => requests)
    // RFC 3339 in UTC sorts as text.
    rows.sort((a, b) => (a.ended_at < b.ended_at ? 1 : a.ended_at > b.ended_at ? -1 : 0))
    return {
      capacity: sum(({ capacity }) => capacity),
      total: sum(({ total }) => total),
      matched: sum(({ matched }) => matched),
      requests: rows.slice(0, filter.limit),
    }
  }

  /** @param id the gateway's ID, or the client's, which finds the newest request */
  async detail(id: string): Promise<RecentDetail | undefined> {
    const answers = await this.#services.link.requestAll(topics.detail, id)
    const found = answers.filter((detail) => detail !== undefined)
    found.sort((a, b) => Number(b.id === id) - Number(a.id === id) || (a.ended_at < b.ended_at ? 1 : -1))
    return found[0]
  }

  #list(): InFlightList {
    const { clock, link, exchanges } = this.#services
    const now = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
    const all = [...exchanges()].sort((a, b) => a.context.startedAtMs - b.context.startedAtMs)
    const requests = all
      .slice(0, maxRows)
      .map((exchange) => inFlightRow(exchange, this.#keyOf(exchange), link.thread, now))
    return { total: all.length, requests }
  }

  #find(id: string): ActiveExchange[] {
    const all = this.#services.exchanges()
    const exact = all.find((exchange) => this.#keyOf(exchange) === id)
    return exact === undefined ? all.filter(({ context }) => context.id === id) : [exact]
  }

  #cancel(id: string, by: string): boolean {
    const exchange = this.#services.exchanges().find((each) => this.#keyOf(each) === id)
    if (exchange === undefined) return false
    const { context } = exchange
    exchange.cancel()
    this.#services.events.publish('request.cancelled', {
      id,
      requestId: context.id,
      model: context.model,
      endpoint: context.lastEndpoint,
      by,
    })
    return true
  }

  #recent(filter: RequestFilter): RecentList {
    const { recent } = this.#services
    const requests: RecentRow[] = []
    let matched = 0
    for (const request of recent?.newest() ?? []) {
      if (!matches(filter, request)) continue
      matched++
      if (requests.length < filter.limit) requests.push(this.#rowOf(request, recentRow))
    }
    return { capacity: recent?.capacity ?? 0, total: recent?.size ?? 0, matched, requests }
  }

  #detail(id: string): RecentDetail | undefined {
    const { keys, recent } = this.#services
    let named: RecentRequest | undefined
    for (const request of recent?.newest() ?? []) {
      if (keys.keyOf(request.serial) === id) return this.#rowOf(request, recentDetail)
      if (request.requestId === id) named ??= request
    }
    return named === undefined ? undefined : this.#rowOf(named, recentDetail)
  }

  #rowOf<Row>(
    request: RecentRequest,
    view: (request: RecentRequest, id: string, thread: number) => Row,
  ): Row {
    const { keys, link } = this.#services
    return view(request, keys.keyOf(request.serial), link.thread)
  }

  #nameOf(exchange: ActiveExchange): RequestName {
    return { id: this.#keyOf(exchange), request_id: exchange.context.id }
  }

  #keyOf({ context }: ActiveExchange): string {
    return this.#services.keys.keyOf(context.serial)
  }
}
