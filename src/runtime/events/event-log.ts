import { eventView } from './event-view.ts'
import type { GatewayEvent, GatewayEventType } from './events.ts'
import { sseMessage } from './sse.ts'

export interface LoggedEvent {
  readonly sequence: number
  readonly type: GatewayEventType
  /** The message for every subscriber, serialized once. */
  readonly message: string
}

/** Events that a reconnecting client has missed. */
export interface Resumed {
  readonly events: readonly LoggedEvent[]
  /** Set if the log no longer keeps all of them. */
  readonly gap: EventGap | undefined
}

export interface EventGap {
  /** `restarted`: the client's last event belongs to another run of the gateway. */
  readonly reason: 'too_old' | 'restarted'
  /** undefined if unknown. */
  readonly missed: number | undefined
}

export interface EventLogOptions {
  /** Identifies this run of the gateway; letters and digits. */
  readonly run: string
  /** Maximum number of events kept. */
  readonly capacity: number
  /** Called with every event. */
  readonly onEvent: (event: LoggedEvent) => void
}

/** The latest events, each with an ID that a client sends to resume after it. */
export class EventLog {
  readonly #options: EventLogOptions
  readonly #kept: LoggedEvent[] = []
  #last = 0

  constructor(options: EventLogOptions) {
    this.#options = options
  }

  /** undefined before the first event. */
  get lastId(): string | undefined {
    return this.#last === 0 ? undefined : this.#idOf(this.#last)
  }

  /** Events arrive in the order of their numbers; some may be missing, or already known from another thread. */
  add(event: GatewayEvent): void {
    const { capacity, onEvent } = this.#options
    if (event.sequence <= this.#last) return
    const logged = this.#toLogged(event)
    this.#last = event.sequence
    this.#kept.push(logged)
    if (this.#kept.length > capacity) this.#kept.shift()
    onEvent(logged)
  }

  /** Adds events older than the first one here, as another thread remembers them. */
  addEarlier(events: readonly GatewayEvent[]): void {
    const first = this.#kept[0]?.sequence ?? Number.POSITIVE_INFINITY
    const earlier = events.filter(({ sequence }) => sequence < first).map((event) => this.#toLogged(event))
    this.#last = Math.max(this.#last, earlier.at(-1)?.sequence ?? 0)
    this.#kept.unshift(...earlier)
    this.#kept.splice(0, this.#kept.length - this.#options.capacity)
  }

  /** Returns the last `count` events. */
  last(count: number): readonly LoggedEvent[] {
    return count <= 0 ? [] : this.#kept.slice(-count)
  }

  /** @param lastId ID of the last event that the client has seen */
  since(lastId: string): Resumed {
    const match = /^([0-9a-z]+)-(\d{1,16})$/.exec(lastId)
    if (match?.[1] !== this.#options.run) {
      return { events: this.#kept, gap: { reason: 'restarted', missed: undefined } }
    }
    const seen = Number(match[2])
    const oldest = this.#kept[0]?.sequence ?? this.#last + 1
    const missed = oldest - 1 - seen
    return {
      events: this.#kept.filter(({ sequence }) => sequence > seen),
      gap: missed > 0 ? { reason: 'too_old', missed } : undefined,
    }
  }

  #toLogged(event: GatewayEvent): LoggedEvent {
    const id = this.#idOf(event.sequence)
    return {
      sequence: event.sequence,
      type: event.type,
      message: sseMessage('event', eventView(event, id), id),
    }
  }

  #idOf(sequence: number): string {
    return `${this.#options.run}-${sequence}`
  }
}
