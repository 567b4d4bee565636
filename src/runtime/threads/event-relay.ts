import type { EventBus } from '../events/bus.ts'
import type { GatewayEvent, NewEvent } from '../events/events.ts'
import type { PeerLink, Topic } from '../links/peer-link.ts'

/** Events on their way to the control thread, which numbers them. */
const newEvents: Topic<readonly NewEvent[]> = 'events.new'
/** Numbered events on their way to all serving threads, each with the thread that published it. */
const numberedEvents: Topic<readonly (readonly [event: GatewayEvent, from: number])[]> = 'events.numbered'

/** Events that a serving thread may send without receiving them back; it drops further ones. */
const maxPending = 1_000

/**
 * Connects the buses of all threads: the control thread numbers the events of all threads and sends them to all, so
 * that every subscriber receives every event once, in one order. No thread waits; events published in one event-loop
 * turn travel together. A serving thread drops events while too many have not returned.
 * @returns a function that disconnects them
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
  const outgoing = new Batch<NewEvent>((batch) => link.sendToControl(newEvents, batch))
  let pending = 0
  bus.connect({
    forward(event) {
      if (pending >= maxPending) return false
      pending++
      outgoing.add(event)
      return true
    },
  })
  const end = link.on(numberedEvents, (events) => {
    for (const [event, from] of events) {
      if (from === link.thread) pending--
      bus.deliver(event)
    }
  })
  return () => {
    end()
    bus.connect({})
    outgoing.send()
  }
}

/** Collects the items added within one event-loop turn. */
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
