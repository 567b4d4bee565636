import { isDeepStrictEqual } from 'node:util'
import { withProfile } from './build.ts'
import type { Endpoint } from './endpoint.ts'

/** Whether two descriptions are of one server, so that what is known of it stays true. */
export function isSameServer(one: Endpoint, other: Endpoint): boolean {
  return (
    one.origin === other.origin &&
    one.basePath === other.basePath &&
    one.query === other.query &&
    one.type === other.type
  )
}

/**
 * Endpoints as their configuration describes them, by slot, beside those in use, which may have a detected profile and
 * newer secrets.
 */
export class ConfiguredEndpoints {
  #bySlot: Endpoint[]

  /** @param endpoints as built from the configuration */
  constructor(endpoints: readonly Endpoint[]) {
    this.#bySlot = bySlot(endpoints)
  }

  /**
   * @param built from the next configuration
   * @param current endpoints in use, by slot
   * @returns the endpoints to use: the same object for one that is configured as before
   */
  next(built: readonly Endpoint[], current: readonly Endpoint[]): Endpoint[] {
    return built.map((endpoint) => {
      const configured = this.#bySlot[endpoint.slot]
      const used = current[endpoint.slot]
      if (configured === undefined || used === undefined || used.name !== endpoint.name) return endpoint
      if (isDeepStrictEqual(configured, endpoint)) return used
      const { profile } = used
      const isDetected = endpoint.profile === undefined && profile !== undefined
      return isDetected && isSameServer(configured, endpoint) ? withProfile(endpoint, profile) : endpoint
    })
  }

  /** @param built endpoints that join */
  add(built: readonly Endpoint[]): void {
    for (const endpoint of built) this.#bySlot[endpoint.slot] = endpoint
  }

  /** @param built all endpoints from now on */
  set(built: readonly Endpoint[]): void {
    this.#bySlot = bySlot(built)
  }
}

function bySlot(endpoints: readonly Endpoint[]): Endpoint[] {
  const sparse: Endpoint[] = []
  for (const endpoint of endpoints) sparse[endpoint.slot] = endpoint
  return sparse
}
