import type { Topic } from '../links/peer-link.ts'
import type { GatewayEvent } from './events.ts'

/** Asks the control thread for the events that it remembers. */
export const keptEvents: Topic<undefined, readonly GatewayEvent[]> = 'events.kept'

/** The last events as they are, for threads that begin later than these. */
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
