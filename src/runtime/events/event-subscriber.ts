import type { LoggedEvent } from './event-log.ts'

/** The part of a response that an event stream needs. */
export interface EventSink {
  readonly writableLength: number
  readonly destroyed: boolean
  write(text: string): boolean
  end(text: string): unknown
  destroy(): unknown
}

export interface SubscriberOptions {
  /** Filters event types; undefined accepts all. */
  readonly accepts: ((type: string) => boolean) | undefined
  readonly samples: boolean
  /** Buffered bytes beyond which the subscriber is disconnected. */
  readonly maxBufferedBytes: number
  /** Called once if the client was too slow. */
  readonly onSlow: () => void
}

/**
 * One client of `/internal/events`. It never blocks a publisher: a client that does not read is disconnected, and can
 * reconnect to fetch what it has missed.
 */
export class EventSubscriber {
  readonly #sink: EventSink
  readonly #options: SubscriberOptions
  #maxBufferedBytes: number

  constructor(sink: EventSink, options: SubscriberOptions) {
    this.#sink = sink
    this.#options = options
    this.#maxBufferedBytes = options.maxBufferedBytes
  }

  /** Sends kept events at once. Their size does not count against the client's buffer limit. */
  replay(events: readonly LoggedEvent[]): void {
    const wanted = events.filter((event) => this.#accepts(event))
    const text = wanted.map(({ message }) => message).join('')
    if (text === '') return
    this.#maxBufferedBytes += Buffer.byteLength(text)
    this.send(text)
  }

  event(event: LoggedEvent): void {
    if (this.#accepts(event)) this.send(event.message)
  }

  /** Drops a sample that cannot be sent at once: it would be outdated later. */
  sample(message: string): void {
    if (this.#options.samples && this.#sink.writableLength === 0) this.send(message)
  }

  send(message: string): void {
    if (this.#sink.destroyed) return
    this.#sink.write(message)
    if (this.#sink.writableLength <= this.#maxBufferedBytes) return
    this.#options.onSlow()
    this.#sink.destroy()
  }

  end(message: string): void {
    if (!this.#sink.destroyed) this.#sink.end(message)
  }

  #accepts({ type }: LoggedEvent): boolean {
    return this.#options.accepts?.(type) ?? true
  }
}

/**
 * Parses the event types that a client requested.
 * @param types comma-separated; `endpoint.*` matches all types with that prefix
 * @returns undefined for all types
 */
export function typeFilter(types: string | undefined): ((type: string) => boolean) | undefined {
  const wanted = (types ?? '')
    .split(',')
    .map((type) => type.trim())
    .filter((type) => type !== '')
  if (wanted.length === 0 || wanted.includes('*')) return undefined
  const exact = new Set(wanted)
  const openings = wanted.filter((type) => type.endsWith('*')).map((type) => type.slice(0, -1))
  return (type) => exact.has(type) || openings.some((opening) => type.startsWith(opening))
}
