import type { Clock } from '../../kernel/clock.ts'
import { isRoutable } from '../../kernel/endpoint-status.ts'
import type { Endpoint } from './endpoint.ts'
import type { EndpointRegistry } from './registry.ts'

export interface JoinServices {
  readonly registry: Pick<EndpointRegistry, 'health'>
  readonly clock: Clock
  /** Whether the models of an endpoint are known, or nothing reads them. */
  readonly hasList: (slot: number) => boolean
}

/** A change waits no longer for endpoints that do not answer. */
const maxJoinMs = 3_000
const pollMs = 10

/** Resolves when each endpoint is probed and, if it is healthy, its models are known; after three seconds anyway. */
export function whenJoined(
  endpoints: readonly Pick<Endpoint, 'slot'>[],
  { registry, clock, hasList }: JoinServices,
): Promise<void> {
  const untilMs = clock.monotonicMs() + maxJoinMs
  const isReady = ({ slot }: Pick<Endpoint, 'slot'>) => {
    const health = registry.health(slot)
    return health !== 'unknown' && (!isRoutable(health) || hasList(slot))
  }
  return new Promise((resolve) => {
    const check = () => {
      if (endpoints.every(isReady) || clock.monotonicMs() >= untilMs) resolve()
      else clock.after(pollMs, check)
    }
    check()
  })
}
