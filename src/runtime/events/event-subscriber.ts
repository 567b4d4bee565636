import type { LoggedEvent } from './event-log.ts'

/** The part of a response that a stream of events needs. */
export interface EventSink {
  readonly writableLength: number
  readonly destroyed: boolean
  write(text: string): boolean
  end(text: string): unknown
  destroy(): unknown
}

export interface SubscriberOptions {
  /** Which events; all where undefined. */
  readonly accepts: ((type: string) => boolean) | undefined
  readonly samples: boolean
  /** Bytes that may wait for this client before it is cut off. */
  readonly maxBufferedBytes: number
  /** Told once when the client was too slow. */
  readonly onSlow: () => void
}

/**
 * One client of `/internal/events`. It never makes anybody wait: one that does not read is cut off, and can
 * come back for what it has missed.
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

  /** What is kept, at once: however much it is, taking it slowly is no fault. */
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

  /** A sample that cannot be sent at once is old news when it can. */
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
 * Which types a client asked for.
 * @param types comma-separated; `endpoint.*` takes all that begin so
 * @returns undefined for all
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
