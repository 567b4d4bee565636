import type { Clock, Timer } from '../../kernel/clock.ts'
import type { LoggedEvent } from './event-log.ts'
import { type EventSink, EventSubscriber } from './event-subscriber.ts'
import { keepAlive, sseMessage } from './sse.ts'

export interface EventHubOptions {
  readonly clock: Clock
  readonly maxSubscribers: number
  /** Buffered bytes beyond which the hub disconnects a subscriber. */
  readonly maxBufferedBytes: number
  /** Interval of the comments that keep connections alive. */
  readonly heartbeatMs: number
}

/** Sends events and samples to every client of `/internal/events`, at each client's own pace. */
export class EventHub {
  readonly #options: EventHubOptions
  readonly #subscribers = new Set<EventSubscriber>()
  #timer: Timer | undefined
  #slow = 0
  #refused = 0
  #isOver = false

  constructor(options: EventHubOptions) {
    this.#options = options
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  /** Clients that the hub disconnected because they did not read. */
  get slow(): number {
    return this.#slow
  }

  /** Clients that the hub refused at its limit. */
  get refused(): number {
    return this.#refused
  }

  /** True once the hub accepts no more subscribers. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Returns whether there is room for one more; counts refusals. */
  admits(): boolean {
    if (this.#subscribers.size < this.#options.maxSubscribers) return true
    this.#refused++
    return false
  }

  /** The owner of the sink calls `unsubscribe` when the connection has closed. */
  subscribe(
    sink: EventSink,
    wanted: { accepts: ((type: string) => boolean) | undefined; samples: boolean },
  ): EventSubscriber {
    const subscriber = new EventSubscriber(sink, {
      ...wanted,
      maxBufferedBytes: this.#options.maxBufferedBytes,
      onSlow: () => {
        this.#slow++
        this.unsubscribe(subscriber)
      },
    })
    this.#subscribers.add(subscriber)
    this.#arm()
    return subscriber
  }

  unsubscribe(subscriber: EventSubscriber): void {
    this.#subscribers.delete(subscriber)
    if (this.#subscribers.size === 0) this.#disarm()
  }

  event(event: LoggedEvent): void {
    for (const subscriber of this.#subscribers) subscriber.event(event)
  }

  /** @param json the sample */
  sample(json: string): void {
    if (this.#subscribers.size === 0) return
    const message = `event: sample\ndata: ${json}\n\n`
    for (const subscriber of this.#subscribers) subscriber.sample(message)
  }

  /** Ends all streams for good. */
  end(reason: 'draining'): void {
    this.#isOver = true
    this.#disarm()
    const message = sseMessage('bye', { reason })
    for (const subscriber of this.#subscribers) subscriber.end(message)
    this.#subscribers.clear()
  }

  #arm(): void {
    this.#timer ??= this.#options.clock.after(this.#options.heartbeatMs, () => {
      this.#timer = undefined
      for (const subscriber of this.#subscribers) subscriber.send(keepAlive)
      if (this.#subscribers.size > 0) this.#arm()
    })
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
