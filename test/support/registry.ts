import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import { statusCells } from '../../src/endpoints/registry/status-cells.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'
import { EventBus } from '../../src/runtime/events/bus.ts'
import { FakeClock } from './fake-clock.ts'

/** A registry over real cells and a clock that the test moves. */
export function createRegistry(endpoints: readonly Endpoint[], options: { slowStartMs?: number } = {}) {
  const clock = new FakeClock()
  const state = new SharedState({ endpoints: 8, models: 1 })
  const cells = state.of(statusCells)
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
  return { clock, state, events, transitions, registry }
}

/** Resolves when the events published so far have been delivered. */
export function delivered(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
