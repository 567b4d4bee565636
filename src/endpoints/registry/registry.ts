import type { Clock } from '../../kernel/clock.ts'
import {
  type EndpointStatus,
  endpointStatuses,
  isRoutable,
  statusShare,
} from '../../kernel/endpoint-status.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import { withHeaders, withProfile } from './build.ts'
import type { Endpoint } from './endpoint.ts'
import type { StatusCells } from './status-cells.ts'

/** All endpoints at one time; immutable, replaced as a whole. */
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
 * Holds the endpoints and their status. All threads share the status: any thread can read and set it without waiting.
 */
export class EndpointRegistry {
  readonly #clock: Clock
  readonly #cells: StatusCells
  readonly #events: EventBus
  readonly #slowStartMs: number
  readonly #sinceMs: number
  readonly #sinceMonotonicMs: number
  readonly #lostAtMs: number
  readonly #isDoubtful: number
  #snapshot: EndpointSnapshot
  #listener: (endpoint: Endpoint) => void = () => {}

  /** @throws RangeError if there are more endpoints than cells */
  constructor(
    endpoints: readonly Endpoint[],
    services: { clock: Clock; cells: StatusCells; events: EventBus; slowStartMs?: number },
  ) {
    if (endpoints.length > services.cells.status.length) {
      throw new RangeError(
        `${endpoints.length} endpoints are configured, but there is room for ${services.cells.status.length}`,
      )
    }
    this.#clock = services.clock
    this.#cells = services.cells
    this.#events = services.events
    this.#slowStartMs = services.slowStartMs ?? 0
    this.#snapshot = createSnapshot(endpoints, 1)
    const { records } = services.cells
    this.#sinceMs = records.column('sinceMs')
    this.#sinceMonotonicMs = records.column('sinceMonotonicMs')
    this.#lostAtMs = records.column('lostAtMs')
    this.#isDoubtful = records.column('isDoubtful')
    for (const { slot } of endpoints) {
      // Another thread may have started first.
      if (Number.isNaN(records.number(slot, this.#sinceMs))) this.#note(slot, 'not probed yet', true)
    }
  }

  get snapshot(): EndpointSnapshot {
    return this.#snapshot
  }

  /** @param listener receives an endpoint that got another profile or other headers */
  onReplaced(listener: (endpoint: Endpoint) => void): void {
    this.#listener = listener
  }

  /** Increases with every change of a status on any thread. */
  get statusVersion(): number {
    return Atomics.load(this.#cells.version, 0)
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

  /**
   * Whether the endpoint may answer a request: it is routable, or only a probe shows that it is not. Such an endpoint
   * is a last resort for requests, and its models are listed.
   */
  mayAnswer(slot: number): boolean {
    return this.isRoutable(slot) || this.#cells.records.number(slot, this.#isDoubtful) === 1
  }

  routableCount(): number {
    let count = 0
    for (const { slot } of this.#snapshot.endpoints) if (this.isRoutable(slot)) count++
    return count
  }

  statusDetail(slot: number): StatusDetail {
    const { records } = this.#cells
    return {
      status: this.status(slot),
      reason: records.text(slot),
      sinceMs: records.number(slot, this.#sinceMs) || 0,
    }
  }

  /** Milliseconds since an endpoint became unroutable; undefined if it is routable or never was. */
  outageMs(slot: number): number | undefined {
    if (this.isRoutable(slot)) return undefined
    const lostAtMs = this.#cells.records.number(slot, this.#lostAtMs)
    return Number.isNaN(lostAtMs) ? undefined : this.#clock.monotonicMs() - lostAtMs
  }

  /** Marks an outage that does not end on its own, such as a certificate error: no request waits for the endpoint. */
  staysOut(slot: number): void {
    this.#cells.records.setNumber(slot, this.#lostAtMs, Number.NaN)
  }

  /** @param isDoubtful whether only a probe shows this status, so that the endpoint may still answer requests */
  setStatus(slot: number, to: EndpointStatus, reason: string, isDoubtful = false): void {
    this.#cells.records.setNumber(slot, this.#isDoubtful, isDoubtful ? 1 : 0)
    const from =
      endpointStatuses[Atomics.exchange(this.#cells.status, slot, endpointStatuses.indexOf(to))] ?? 'unknown'
    this.#note(slot, reason, from !== to)
    if (from === to) return
    if (isRoutable(from) && !isRoutable(to)) {
      this.#cells.records.setNumber(slot, this.#lostAtMs, this.#clock.monotonicMs())
    }
    Atomics.add(this.#cells.version, 0, 1)
    const endpoint = this.#snapshot.bySlot[slot]
    if (endpoint !== undefined) {
      this.#events.publish('endpoint.status', { endpoint: endpoint.name, from, to, reason })
    }
  }

  /** Current fraction of an endpoint's weight, 0 to 1; grows during the slow start of a warming endpoint. */
  share(slot: number): number {
    const status = this.status(slot)
    const share = statusShare(status)
    if (status !== 'warming' || this.#slowStartMs === 0) return share
    const sinceMs = this.#cells.records.number(slot, this.#sinceMonotonicMs)
    const elapsedMs = Math.max(0, this.#clock.monotonicMs() - sinceMs)
    return share + (1 - share) * Math.min(1, elapsedMs / this.#slowStartMs)
  }

  /** Applies a detected profile to an endpoint. */
  setProfile(slot: number, profile: BackendProfile): void {
    this.#replace(slot, (endpoint) => withProfile(endpoint, profile))
  }

  /** Replaces the headers after secrets were reread. */
  replaceHeaders(slot: number, headers: readonly string[]): void {
    const before = this.#snapshot.bySlot[slot]?.headers
    if (before?.length === headers.length && before.every((text, at) => text === headers[at])) return
    this.#replace(slot, (endpoint) => withHeaders(endpoint, headers))
  }

  #note(slot: number, reason: string, isNew: boolean): void {
    const { records } = this.#cells
    records.setText(slot, reason)
    if (!isNew) return
    records.setNumber(slot, this.#sinceMs, this.#clock.nowMs())
    records.setNumber(slot, this.#sinceMonotonicMs, this.#clock.monotonicMs())
  }

  #replace(slot: number, change: (endpoint: Endpoint) => Endpoint): void {
    const { endpoints, version } = this.#snapshot
    this.#snapshot = createSnapshot(
      endpoints.map((endpoint) => (endpoint.slot === slot ? change(endpoint) : endpoint)),
      version + 1,
    )
    const replaced = this.#snapshot.bySlot[slot]
    if (replaced !== undefined) this.#listener(replaced)
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
