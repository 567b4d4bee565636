import { eventView } from './event-view.ts'
import type { GatewayEvent, GatewayEventType } from './events.ts'
import { sseMessage } from './sse.ts'

export interface LoggedEvent {
  readonly sequence: number
  readonly type: GatewayEventType
  /** As every subscriber is sent it; written once. */
  readonly message: string
}

/** What a client that comes back has missed. */
export interface Resumed {
  readonly events: readonly LoggedEvent[]
  /** Set where not all of it is kept any more. */
  readonly gap: EventGap | undefined
}

export interface EventGap {
  /** `restarted`: the client's last event was of another run of the gateway. */
  readonly reason: 'too_old' | 'restarted'
  /** Undefined where that is not known. */
  readonly missed: number | undefined
}

export interface EventLogOptions {
  /** Tells this run of the gateway from others; letters and digits. */
  readonly run: string
  /** Events kept. */
  readonly capacity: number
  /** Told of every event. */
  readonly onEvent: (event: LoggedEvent) => void
}

/** The last events, each with an ID by which a client can say what it has seen last. */
export class EventLog {
  readonly #options: EventLogOptions
  readonly #kept: LoggedEvent[] = []
  #last = 0

  constructor(options: EventLogOptions) {
    this.#options = options
  }

  /** Undefined before the first. */
  get lastId(): string | undefined {
    return this.#last === 0 ? undefined : this.#idOf(this.#last)
  }

  /** Events come in the order of their numbers; some may be missing, or known from another thread. */
  add(event: GatewayEvent): void {
    const { capacity, onEvent } = this.#options
    if (event.sequence <= this.#last) return
    const logged = this.#toLogged(event)
    this.#last = event.sequence
    this.#kept.push(logged)
    if (this.#kept.length > capacity) this.#kept.shift()
    onEvent(logged)
  }

  /** Takes events from before the first one here, as another thread remembers them. */
  addEarlier(events: readonly GatewayEvent[]): void {
    const first = this.#kept[0]?.sequence ?? Number.POSITIVE_INFINITY
    const earlier = events.filter(({ sequence }) => sequence < first).map((event) => this.#toLogged(event))
    this.#last = Math.max(this.#last, earlier.at(-1)?.sequence ?? 0)
    this.#kept.unshift(...earlier)
    this.#kept.splice(0, this.#kept.length - this.#options.capacity)
  }

  /** The last `count` events. */
  last(count: number): readonly LoggedEvent[] {
    return count <= 0 ? [] : this.#kept.slice(-count)
  }

  /** @param lastId what the client has seen last, as it was told */
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
