import type { EventBus } from '../events/bus.ts'
import type { GatewayEvent, NewEvent } from '../events/events.ts'
import type { PeerLink, Topic } from '../links/peer-link.ts'

/** Events on their way to the control thread, which numbers them. */
const newEvents: Topic<readonly NewEvent[]> = 'events.new'
/** Numbered events on their way to all serving threads, each with the thread that published it. */
const numberedEvents: Topic<readonly (readonly [event: GatewayEvent, from: number])[]> = 'events.numbered'

/** Events that a serving thread may have sent and not seen come back; beyond, it drops them. */
const mostUnderWay = 1_000

/**
 * Makes the buses of all threads one: the control thread numbers what any thread publishes and sends it to
 * all, so that every subscriber hears every event once, in one order. No thread waits; what is published in one
 * turn travels together. A serving thread whose events do not come back drops what it cannot send.
 * @returns a function that ends it
 */
export function relayEvents(bus: EventBus, link: PeerLink): () => void {
  if (link.threads === 1) return () => {}
  return link.isControl ? numberEvents(bus, link) : forwardEvents(bus, link)
}

function numberEvents(bus: EventBus, link: PeerLink): () => void {
  const outgoing = new Batch<readonly [GatewayEvent, number]>((batch) =>
    link.broadcast(numberedEvents, batch),
  )
  let from = link.thread
  bus.connect({ onDelivered: (event) => outgoing.add([event, from]) })
  const end = link.on(newEvents, (events, sender) => {
    from = sender
    for (const event of events) bus.number(event)
    from = link.thread
  })
  return () => {
    end()
    bus.connect({})
    outgoing.send()
  }
}

function forwardEvents(bus: EventBus, link: PeerLink): () => void {
  const outgoing = new Batch<NewEvent>((batch) => link.tellControl(newEvents, batch))
  let underWay = 0
  bus.connect({
    forward(event) {
      if (underWay >= mostUnderWay) return false
      underWay++
      outgoing.add(event)
      return true
    },
  })
  const end = link.on(numberedEvents, (events) => {
    for (const [event, from] of events) {
      if (from === link.thread) underWay--
      bus.deliver(event)
    }
  })
  return () => {
    end()
    bus.connect({})
    outgoing.send()
  }
}

/** Gathers what is added within one turn. */
class Batch<Item> {
  readonly #flush: (items: readonly Item[]) => void
  #items: Item[] = []

  constructor(flush: (items: readonly Item[]) => void) {
    this.#flush = flush
  }

  add(item: Item): void {
    this.#items.push(item)
    if (this.#items.length === 1) setImmediate(() => this.send())
  }

  send(): void {
    if (this.#items.length === 0) return
    const items = this.#items
    this.#items = []
    this.#flush(items)
  }
}
