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
  /** Undefined where nobody can tell. */
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

  /** Events come in the order of their numbers; some may be missing. */
  add(event: GatewayEvent): void {
    const { capacity, onEvent } = this.#options
    const { sequence, type } = event
    const id = this.#idOf(sequence)
    const logged = { sequence, type, message: sseMessage('event', eventView(event, id), id) }
    this.#last = sequence
    this.#kept.push(logged)
    if (this.#kept.length > capacity) this.#kept.shift()
    onEvent(logged)
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

  #idOf(sequence: number): string {
    return `${this.#options.run}-${sequence}`
  }
}
