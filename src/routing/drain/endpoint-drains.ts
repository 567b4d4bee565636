import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'

export interface DrainServices {
  readonly registry: Pick<EndpointRegistry, 'service' | 'setService'>
  /** Requests in flight by endpoint, on all threads. */
  readonly inFlight: Pick<Gauge, 'value'>
  readonly clock: Clock
}

export interface DrainOptions {
  /** Shown with the status. */
  readonly reason: string
  /** Milliseconds after which `onLimit` is called, once; 0: never. */
  readonly limitMs?: number
  readonly onLimit?: () => void
  /** Called when the endpoint has been without a request for a moment. */
  readonly onEmpty?: () => void
}

interface Drain {
  timer: Timer
  readonly options: DrainOptions
  readonly waiting: Set<(isDrained: boolean) => void>
}

/** How often the requests in flight are counted: requests do nothing for a drain. */
const pollMs = 50

/**
 * Endpoints that are taken out of service, on the control thread. A request that chose the endpoint at the moment of the
 * drain may still arrive there, so an empty endpoint is counted twice.
 */
export class EndpointDrains {
  readonly #services: DrainServices
  readonly #drains = new Map<number, Drain>()

  constructor(services: DrainServices) {
    this.#services = services
  }

  get size(): number {
    return this.#drains.size
  }

  /** Starts a drain, or continues the present one with other options. */
  start(slot: number, options: DrainOptions): void {
    const { registry, clock } = this.#services
    const known = this.#drains.get(slot)
    known?.timer.cancel()
    if (registry.service(slot) !== 'drained') registry.setService(slot, 'draining', options.reason)
    const drain: Drain = { options, waiting: known?.waiting ?? new Set(), timer: { cancel() {} } }
    this.#drains.set(slot, drain)
    this.#poll(slot, drain, clock.monotonicMs(), 0)
  }

  /** Returns an endpoint to service. @returns false if it is in service */
  end(slot: number, reason: string): boolean {
    const drain = this.#drains.get(slot)
    drain?.timer.cancel()
    this.#drains.delete(slot)
    for (const resolve of drain?.waiting ?? []) resolve(false)
    return this.#services.registry.setService(slot, 'serving', reason)
  }

  /** Keeps a drain as it is until `start` continues it or `end` ends it. */
  pause(slot: number): void {
    this.#drains.get(slot)?.timer.cancel()
  }

  /** Forgets an endpoint that has left. */
  forget(slot: number): void {
    const drain = this.#drains.get(slot)
    drain?.timer.cancel()
    this.#drains.delete(slot)
    for (const resolve of drain?.waiting ?? []) resolve(true)
  }

  /** @returns whether the endpoint is empty, at the latest after that time */
  whenDrained(slot: number, timeoutMs: number): Promise<boolean> {
    const drain = this.#drains.get(slot)
    if (this.#services.registry.service(slot) === 'drained') return Promise.resolve(true)
    if (drain === undefined || timeoutMs <= 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const end = (isDrained: boolean) => {
        timer.cancel()
        drain.waiting.delete(end)
        resolve(isDrained)
      }
      const timer = this.#services.clock.after(timeoutMs, () => end(false))
      drain.waiting.add(end)
    })
  }

  stop(): void {
    for (const { timer } of this.#drains.values()) timer.cancel()
    this.#drains.clear()
  }

  /** @param emptyPolls consecutive counts of 0 so far */
  #poll(slot: number, drain: Drain, startedMs: number, emptyPolls: number): void {
    const { registry, inFlight, clock } = this.#services
    const { reason, limitMs = 0, onLimit, onEmpty } = drain.options
    const isEmpty = inFlight.value(slot) === 0
    const isDrained = isEmpty && emptyPolls > 0
    if (isDrained) {
      registry.setService(slot, 'drained', reason)
      for (const resolve of drain.waiting) resolve(true)
      onEmpty?.()
      return
    }
    const isOver = limitMs > 0 && clock.monotonicMs() - startedMs >= limitMs
    if (isOver && !isEmpty) onLimit?.()
    const nextStartMs = isOver ? Number.POSITIVE_INFINITY : startedMs
    drain.timer = clock.after(pollMs, () =>
      this.#poll(slot, drain, nextStartMs, isEmpty ? emptyPolls + 1 : 0),
    )
  }
}
