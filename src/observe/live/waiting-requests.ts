import type { Clock } from '../../kernel/clock.ts'
import { priorities } from '../../routing/line/line-cells.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { RequestName } from './live-requests.ts'
import type { RequestKeys } from './request-keys.ts'
import { maxWaitingRows, type WaitingEntry, type WaitingView, waitingView } from './waiting-view.ts'

export interface WaitingRequestsServices {
  readonly clock: Clock
  readonly link: PeerLink
  readonly events: EventBus
  readonly keys: RequestKeys
  readonly line: Pick<WaitingLine, 'ranked' | 'moveUp' | 'waiting'>
  /** Name of the endpoint with this slot. */
  readonly endpointName: (slot: number) => string | undefined
}

const listTopic: Topic<undefined, readonly WaitingEntry[]> = 'queue.list'
const moveTopic: Topic<{ readonly id: string; readonly by: string }, RequestName | undefined> =
  'queue.move-up'

/** The waiting requests of all threads. */
export class WaitingRequests {
  readonly #services: WaitingRequestsServices
  readonly #ends: readonly (() => void)[]

  constructor(services: WaitingRequestsServices) {
    this.#services = services
    const { link } = services
    this.#ends = [
      link.on(listTopic, () => this.#entries()),
      link.on(moveTopic, ({ id, by }) => this.#moveUp(id, by)),
    ]
  }

  stop(): void {
    for (const end of this.#ends) end()
  }

  async view(): Promise<WaitingView> {
    const { link, line } = this.#services
    const entries = line.waiting === 0 ? [] : await link.requestAll(listTopic, undefined)
    return waitingView(entries.flat(), line.waiting)
  }

  /**
   * Puts a request before all others that wait for its endpoints.
   * @param id of the gateway, or the client's
   * @param by address of the client that asks for it
   * @returns undefined if it does not wait
   */
  async moveUp(id: string, by: string): Promise<RequestName | undefined> {
    const answers = await this.#services.link.requestAll(moveTopic, { id, by })
    return answers.find((name) => name !== undefined)
  }

  #entries(): WaitingEntry[] {
    const { clock, link, line, keys, endpointName } = this.#services
    const nowMs = clock.nowMs()
    const monotonicMs = clock.monotonicMs()
    return line
      .ranked()
      .slice(0, maxWaitingRows)
      .map(({ ticket, flow, rank, charge, sinceMs, intervalMs }) => {
        const { about } = ticket
        const waitedMs = Math.round(monotonicMs - sinceMs)
        return {
          lane: ticket.lane.key,
          flow,
          rank,
          charge,
          intervalMs,
          row: {
            id: keys.keyOf(about.serial),
            request_id: ticket.id,
            thread: link.thread,
            client: about.client,
            key_id: about.keyId ?? null,
            session: about.session ?? null,
            model: about.model ?? null,
            priority: priorities[ticket.priority] ?? 'normal',
            weight: ticket.weight,
            since_ms: nowMs - waitedMs,
            waited_ms: waitedMs,
            tokens: ticket.tokens,
            bytes: ticket.bytes,
            endpoints: ticket.lane.slots.flatMap((slot) => endpointName(slot) ?? []),
          },
        }
      })
  }

  #moveUp(id: string, by: string): RequestName | undefined {
    const { line, keys, events } = this.#services
    const isNamed = (serial: number, requestId: string) => keys.keyOf(serial) === id || requestId === id
    const ticket = line.moveUp(({ id: requestId, about }) => isNamed(about.serial, requestId))
    if (ticket === undefined) return undefined
    const name = { id: keys.keyOf(ticket.about.serial), request_id: ticket.id }
    events.publish('queue.moved', { id: name.id, requestId: ticket.id, model: ticket.about.model, by })
    return name
  }
}
