import type { Clock } from '../../kernel/clock.ts'
import type { GatewayEvent, GatewayEvents, GatewayEventType, NewEvent } from './events.ts'

export interface Subscription {
  /** Events that did not fit into this subscriber's buffer. */
  readonly dropped: number
  close(): void
}

interface Subscriber {
  readonly types: ReadonlySet<GatewayEventType> | undefined
  readonly capacity: number
  readonly receive: (event: GatewayEvent) => void
  readonly buffer: GatewayEvent[]
  dropped: number
  scheduled: boolean
}

/**
 * Publish and subscribe within the process, over all its threads. A publisher never waits and never sees a subscriber's
 * error: events wait in a buffer per subscriber, and the bus delivers them after the current event-loop turn. If the
 * buffer is full, the bus drops the new event and counts it.
 */
export class EventBus {
  readonly #clock: Clock
  readonly #onError: (error: unknown, event: GatewayEvent) => void
  readonly #capacity: number
  readonly #subscribers = new Set<Subscriber>()
  #forward: ((event: NewEvent) => boolean) | undefined
  #onDelivered: ((event: GatewayEvent) => void) | undefined
  #sequence = 0
  #dropped = 0

  /** @param capacity default buffer size per subscriber, in events */
  constructor(clock: Clock, onError: (error: unknown, event: GatewayEvent) => void, capacity = 100) {
    this.#clock = clock
    this.#onError = onError
    this.#capacity = capacity
  }

  get published(): number {
    return this.#sequence
  }

  /** Events dropped for all subscribers, including closed ones. */
  get dropped(): number {
    return this.#dropped
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  publish<Type extends GatewayEventType>(type: Type, data: GatewayEvents[Type]): void {
    const event = { type, atMs: this.#clock.nowMs(), data } as NewEvent
    if (this.#forward === undefined) this.number(event)
    else if (!this.#forward(event)) this.#dropped++
  }

  /** Numbers an event and delivers it. */
  number(event: NewEvent): void {
    this.deliver({ ...event, sequence: this.#sequence + 1 } as GatewayEvent)
  }

  /** Delivers a numbered event, from this bus or another thread's. */
  deliver(event: GatewayEvent): void {
    const { type } = event
    this.#sequence = event.sequence
    this.#onDelivered?.(event)
    for (const subscriber of this.#subscribers) {
      if (subscriber.types !== undefined && !subscriber.types.has(type)) continue
      if (subscriber.buffer.length >= subscriber.capacity) {
        subscriber.dropped++
        this.#dropped++
        continue
      }
      subscriber.buffer.push(event)
      if (!subscriber.scheduled) {
        subscriber.scheduled = true
        setImmediate(() => this.#deliver(subscriber))
      }
    }
  }

  /**
   * Connects this bus to the buses of the other threads.
   * @param ends.forward sends a published event to the bus that numbers all events, which returns it through `deliver`;
   * false if it cannot
   * @param ends.onDelivered called with each numbered event
   */
  connect(ends: {
    forward?: (event: NewEvent) => boolean
    onDelivered?: (event: GatewayEvent) => void
  }): void {
    this.#forward = ends.forward
    this.#onDelivered = ends.onDelivered
  }

  /**
   * @param options.types only these; all if absent
   * @param options.capacity buffer size in events; the bus's default if absent
   */
  subscribe(
    receive: (event: GatewayEvent) => void,
    options: { types?: readonly GatewayEventType[]; capacity?: number } = {},
  ): Subscription {
    const subscriber: Subscriber = {
      types: options.types === undefined ? undefined : new Set(options.types),
      capacity: options.capacity ?? this.#capacity,
      receive,
      buffer: [],
      dropped: 0,
      scheduled: false,
    }
    this.#subscribers.add(subscriber)
    return {
      get dropped() {
        return subscriber.dropped
      },
      close: () => {
        this.#subscribers.delete(subscriber)
        subscriber.buffer.length = 0
      },
    }
  }

  close(): void {
    this.#subscribers.clear()
  }

  #deliver(subscriber: Subscriber): void {
    subscriber.scheduled = false
    const events = subscriber.buffer.splice(0)
    for (const event of events) {
      if (!this.#subscribers.has(subscriber)) return
      try {
        subscriber.receive(event)
      } catch (error) {
        this.#onError(error, event)
      }
    }
  }
}
