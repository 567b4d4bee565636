import type { Clock } from '../clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { BackendProfile } from '../model/profile.ts'
import type { GatewayCells } from '../state/cells.ts'
import { withHeaders, withProfile } from './build.ts'
import type { Endpoint } from './endpoint.ts'
import { type EndpointStatus, endpointStatuses, isRoutable, statusShare } from './status.ts'

/** All endpoints at one moment: immutable, replaced whole. */
export interface EndpointSnapshot {
  readonly version: number
  readonly endpoints: readonly Endpoint[]
  readonly bySlot: readonly Endpoint[]
  readonly byName: ReadonlyMap<string, Endpoint>
}

export interface StatusDetail {
  readonly status: EndpointStatus
  readonly reason: string
  /** Epoch milliseconds. */
  readonly sinceMs: number
}

/**
 * Knows the endpoints and their status. The status itself is a shared cell, so that any thread reads it
 * without waiting; why and since when is kept here.
 */
export class EndpointRegistry {
  readonly #clock: Clock
  readonly #cells: GatewayCells
  readonly #events: EventBus
  readonly #slowStartMs: number
  readonly #details: { reason: string; sinceMs: number; sinceMonotonicMs: number }[]
  #snapshot: EndpointSnapshot
  #statusVersion = 0

  /** @throws RangeError where there are more endpoints than cells */
  constructor(
    endpoints: readonly Endpoint[],
    services: { clock: Clock; cells: GatewayCells; events: EventBus; slowStartMs?: number },
  ) {
    if (endpoints.length > services.cells.endpointCapacity) {
      throw new RangeError(
        `${endpoints.length} endpoints are configured, but there is room for ${services.cells.endpointCapacity}`,
      )
    }
    this.#clock = services.clock
    this.#cells = services.cells
    this.#events = services.events
    this.#slowStartMs = services.slowStartMs ?? 0
    this.#snapshot = createSnapshot(endpoints, 1)
    this.#details = endpoints.map(() => ({
      reason: 'not probed yet',
      sinceMs: this.#clock.nowMs(),
      sinceMonotonicMs: this.#clock.monotonicMs(),
    }))
  }

  get snapshot(): EndpointSnapshot {
    return this.#snapshot
  }

  /** Counts up with every change of a status. */
  get statusVersion(): number {
    return this.#statusVersion
  }

  get slowStartMs(): number {
    return this.#slowStartMs
  }

  status(slot: number): EndpointStatus {
    return endpointStatuses[Atomics.load(this.#cells.status, slot)] ?? 'unknown'
  }

  isRoutable(slot: number): boolean {
    return isRoutable(this.status(slot))
  }

  routableCount(): number {
    let count = 0
    for (const { slot } of this.#snapshot.endpoints) if (this.isRoutable(slot)) count++
    return count
  }

  statusDetail(slot: number): StatusDetail {
    const detail = this.#details[slot]
    return { status: this.status(slot), reason: detail?.reason ?? '', sinceMs: detail?.sinceMs ?? 0 }
  }

  setStatus(slot: number, to: EndpointStatus, reason: string): void {
    const from =
      endpointStatuses[Atomics.exchange(this.#cells.status, slot, endpointStatuses.indexOf(to))] ?? 'unknown'
    const detail = this.#details[slot]
    if (detail !== undefined) detail.reason = reason
    if (from === to) return
    if (detail !== undefined) {
      detail.sinceMs = this.#clock.nowMs()
      detail.sinceMonotonicMs = this.#clock.monotonicMs()
    }
    this.#statusVersion++
    const endpoint = this.#snapshot.bySlot[slot]
    if (endpoint !== undefined) {
      this.#events.publish('endpoint.status', { endpoint: endpoint.name, from, to, reason })
    }
  }

  /** The share of an endpoint's weight that counts now, 0 to 1; a warming endpoint's grows over the slow start. */
  share(slot: number): number {
    const status = this.status(slot)
    const share = statusShare(status)
    if (status !== 'warming' || this.#slowStartMs === 0) return share
    const elapsedMs = this.#clock.monotonicMs() - (this.#details[slot]?.sinceMonotonicMs ?? 0)
    return share + (1 - share) * Math.min(1, elapsedMs / this.#slowStartMs)
  }

  /** A detected type: the endpoint gets the profile's paths. */
  setProfile(slot: number, profile: BackendProfile): void {
    this.#replace(slot, (endpoint) => withProfile(endpoint, profile))
  }

  /** Secrets that were read again. */
  replaceHeaders(slot: number, headers: readonly string[]): void {
    const before = this.#snapshot.bySlot[slot]?.headers
    if (before?.length === headers.length && before.every((text, at) => text === headers[at])) return
    this.#replace(slot, (endpoint) => withHeaders(endpoint, headers))
  }

  #replace(slot: number, change: (endpoint: Endpoint) => Endpoint): void {
    const { endpoints, version } = this.#snapshot
    this.#snapshot = createSnapshot(
      endpoints.map((endpoint) => (endpoint.slot === slot ? change(endpoint) : endpoint)),
      version + 1,
    )
  }
}

function createSnapshot(endpoints: readonly Endpoint[], version: number): EndpointSnapshot {
  const bySlot: Endpoint[] = []
  for (const endpoint of endpoints) bySlot[endpoint.slot] = endpoint
  return {
    version,
    endpoints,
    bySlot,
    byName: new Map(endpoints.map((endpoint) => [endpoint.name, endpoint])),
  }
}
