import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import { GatewayCells } from '../../src/runtime/cells/cells.ts'
import { EventBus } from '../../src/runtime/events/bus.ts'
import { FakeClock } from './fake-clock.ts'

/** A registry over real cells and a clock that the test moves. */
export function createRegistry(endpoints: readonly Endpoint[], options: { slowStartMs?: number } = {}) {
  const clock = new FakeClock()
  const cells = new GatewayCells({ endpoints: 8, models: 1, placements: 1 })
  const events = new EventBus(clock, (error) => {
    throw error
  })
  /** Transitions, as `name: from > to`, oldest first. */
  const transitions: string[] = []
  events.subscribe(({ type, data }) => {
    if (type === 'endpoint.status' || type === 'breaker.transition')
      transitions.push(`${data.endpoint}: ${data.from} > ${data.to}`)
  })
  const registry = new EndpointRegistry(endpoints, { clock, cells, events, ...options })
  return { clock, cells, events, transitions, registry }
}

/** Resolves when the events published so far have been delivered. */
export function delivered(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
