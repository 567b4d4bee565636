import type { Clock } from '../../kernel/clock.ts'
import { type EndpointStatus, isRoutable, statusShare } from '../../kernel/endpoint-status.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import { withHeaders, withProfile } from './build.ts'
import type { Endpoint } from './endpoint.ts'
import { type EndpointService, healthOf, serviceOf, statusOf, withHealth, withService } from './service.ts'
import { createSnapshot, type EndpointSnapshot, nextSnapshot } from './snapshot.ts'
import type { StatusCells } from './status-cells.ts'

export type { EndpointSnapshot } from './snapshot.ts'

export interface StatusDetail {
  readonly status: EndpointStatus
  readonly reason: string
  /** Epoch milliseconds. */
  readonly sinceMs: number
}

/** Follows the set of endpoints on this thread. */
export interface RegistryListener {
  /**
   * An endpoint has appeared, or another object describes it from now on.
   * @param before undefined for a new one
   */
  present?(endpoint: Endpoint, before: Endpoint | undefined): void
  /** An endpoint was removed and has nothing in flight. */
  gone?(endpoint: Endpoint): void
  /** Called once after all of the above. */
  changed?(): void
}

/**
 * Holds the endpoints and their status. All threads share the status: any thread can read and set it without waiting.
 */
export class EndpointRegistry {
  readonly #clock: Clock
  readonly #cells: StatusCells
  readonly #events: EventBus
  #slowStartMs: number
  readonly #sinceMs: number
  readonly #sinceMonotonicMs: number
  readonly #lostAtMs: number
  readonly #isDoubtful: number
  readonly #listeners = new Set<RegistryListener>()
  #snapshot: EndpointSnapshot
  #onReplaced: (endpoint: Endpoint) => void = () => {}

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
    this.#snapshot = createSnapshot({ endpoints, joining: [], leaving: [] }, 1)
    const { records } = services.cells
    this.#sinceMs = records.column('sinceMs')
    this.#sinceMonotonicMs = records.column('sinceMonotonicMs')
    this.#lostAtMs = records.column('lostAtMs')
    this.#isDoubtful = records.column('isDoubtful')
    for (const { slot } of endpoints) this.#noteNew(slot)
  }

  get snapshot(): EndpointSnapshot {
    return this.#snapshot
  }

  /** @param listener receives an endpoint that got another profile or other headers at run time */
  onReplaced(listener: (endpoint: Endpoint) => void): void {
    this.#onReplaced = listener
  }

  /** @returns a function that ends it */
  follow(listener: RegistryListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Increases with every change of a status on any thread. */
  get statusVersion(): number {
    return Atomics.load(this.#cells.version, 0)
  }

  get slowStartMs(): number {
    return this.#slowStartMs
  }

  set slowStartMs(value: number) {
    this.#slowStartMs = value
  }

  status(slot: number): EndpointStatus {
    return statusOf(Atomics.load(this.#cells.status, slot))
  }

  /** The health, even of an endpoint that is out of service. */
  health(slot: number): EndpointStatus {
    return healthOf(Atomics.load(this.#cells.status, slot))
  }

  service(slot: number): EndpointService {
    return serviceOf(Atomics.load(this.#cells.status, slot))
  }

  isRoutable(slot: number): boolean {
    return isRoutable(this.status(slot))
  }

  /**
   * Whether the endpoint may answer a request: it is routable, or only a probe shows that it is not. Such an endpoint
   * is a last resort for requests, and its models are listed.
   */
  mayAnswer(slot: number): boolean {
    if (this.isRoutable(slot)) return true
    return this.service(slot) === 'serving' && this.#cells.records.number(slot, this.#isDoubtful) === 1
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

  /**
   * Sets the health.
   * @param isDoubtful whether only a probe shows this status, so that the endpoint may still answer requests
   */
  setStatus(slot: number, to: EndpointStatus, reason: string, isDoubtful = false): void {
    this.#cells.records.setNumber(slot, this.#isDoubtful, isDoubtful ? 1 : 0)
    const cell = this.#change(slot, (known) => withHealth(known, to))
    const from = healthOf(cell)
    const service = serviceOf(cell)
    const isShown = service === 'serving' || service === 'joining'
    if (isShown) this.#note(slot, reason, from !== to)
    if (from === to) return
    if (isRoutable(from) && !isRoutable(to)) {
      this.#cells.records.setNumber(slot, this.#lostAtMs, this.#clock.monotonicMs())
    }
    Atomics.add(this.#cells.version, 0, 1)
    if (isShown) this.#publish(slot, from, to, reason)
  }

  /** An added endpoint is about to be probed; one that returns under its name may be in another state by now. */
  joins(slot: number): void {
    this.#change(slot, () => withService(withHealth(0, 'unknown'), 'joining'))
    Atomics.add(this.#cells.version, 0, 1)
    this.#note(slot, 'not probed yet', true)
  }

  /**
   * Takes an endpoint out of service or back, on all threads at once. Requests in flight continue.
   * @returns false if it was so already
   */
  setService(slot: number, to: EndpointService, reason: string): boolean {
    const cell = this.#change(slot, (known) => withService(known, to))
    if (serviceOf(cell) === to) return false
    const from = statusOf(cell)
    const now = this.status(slot)
    Atomics.add(this.#cells.version, 0, 1)
    // An endpoint that joins has been shown with its health before.
    if (serviceOf(cell) === 'joining' || to === 'joining') return true
    this.#note(slot, reason, from !== now)
    if (from !== now) this.#publish(slot, from, now, reason)
    return true
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

  /**
   * Replaces the set of endpoints on this thread. Those that are no longer in it are leaving until `leave`. An
   * endpoint that is given as the same object is unchanged.
   */
  replaceAll(endpoints: readonly Endpoint[], joining: readonly Endpoint[] = []): void {
    const before = this.#snapshot
    this.#snapshot = nextSnapshot(before, endpoints, joining)
    for (const endpoint of [...endpoints, ...joining]) {
      const known = before.bySlot[endpoint.slot]
      if (known === endpoint) continue
      if (known === undefined) this.#noteNew(endpoint.slot)
      for (const each of this.#listeners) each.present?.(endpoint, known)
    }
    // What never served has nothing in flight.
    for (const endpoint of before.joining) {
      if (this.#snapshot.bySlot[endpoint.slot] === undefined)
        for (const each of this.#listeners) each.gone?.(endpoint)
    }
    for (const each of this.#listeners) each.changed?.()
  }

  /** A removed endpoint has nothing in flight any more. */
  leave(slot: number): void {
    const { endpoints, joining, leaving, version } = this.#snapshot
    const endpoint = leaving.find((each) => each.slot === slot)
    if (endpoint === undefined) return
    const rest = leaving.filter((each) => each !== endpoint)
    this.#snapshot = createSnapshot({ endpoints, joining, leaving: rest }, version + 1)
    for (const each of this.#listeners) {
      each.gone?.(endpoint)
      each.changed?.()
    }
  }

  #change(slot: number, next: (cell: number) => number): number {
    const { status } = this.#cells
    for (;;) {
      const cell = Atomics.load(status, slot)
      if (Atomics.compareExchange(status, slot, cell, next(cell)) === cell) return cell
    }
  }

  #publish(slot: number, from: EndpointStatus, to: EndpointStatus, reason: string): void {
    const endpoint = this.#snapshot.bySlot[slot]
    if (endpoint !== undefined) {
      this.#events.publish('endpoint.status', { endpoint: endpoint.name, from, to, reason })
    }
  }

  #noteNew(slot: number): void {
    // Another thread may have been first.
    if (Number.isNaN(this.#cells.records.number(slot, this.#sinceMs)))
      this.#note(slot, 'not probed yet', true)
  }

  #note(slot: number, reason: string, isNew: boolean): void {
    const { records } = this.#cells
    records.setText(slot, reason)
    if (!isNew) return
    records.setNumber(slot, this.#sinceMs, this.#clock.nowMs())
    records.setNumber(slot, this.#sinceMonotonicMs, this.#clock.monotonicMs())
  }

  #replace(slot: number, change: (endpoint: Endpoint) => Endpoint): void {
    const before = this.#snapshot.bySlot[slot]
    if (before === undefined) return
    const after = change(before)
    const swap = (list: readonly Endpoint[]) => list.map((each) => (each === before ? after : each))
    const { endpoints, joining, leaving, version } = this.#snapshot
    this.#snapshot = createSnapshot(
      { endpoints: swap(endpoints), joining: swap(joining), leaving: swap(leaving) },
      version + 1,
    )
    this.#onReplaced(after)
    for (const each of this.#listeners) each.present?.(after, before)
  }
}
