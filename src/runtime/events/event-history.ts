import type { Topic } from '../links/peer-link.ts'
import type { GatewayEvent } from './events.ts'

/** Requests the events that the control thread keeps. */
export const keptEvents: Topic<undefined, readonly GatewayEvent[]> = 'events.kept'

/** The latest events, for threads that start after them. */
export class EventHistory {
  readonly #capacity: number
  readonly #events: GatewayEvent[] = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get events(): readonly GatewayEvent[] {
    return this.#events
  }

  add(event: GatewayEvent): void {
    this.#events.push(event)
    if (this.#events.length > this.#capacity) this.#events.shift()
  }
}
