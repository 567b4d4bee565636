import type { DrainedListener } from '../../http/connections/draining-listener.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { GatewayEvents } from '../events/events.ts'

/** Phase of the gateway: serving, stopping or stopped. */
export type LifecyclePhase = 'serving' | 'draining' | 'stopped'

export interface DrainTarget {
  /** Number of requests in flight. */
  inFlight(): number
  /** Aborts the requests in flight, visibly for their clients, and refuses new ones. @returns the number aborted */
  cutAll(): number
}

export interface DrainResult {
  /** Requests that were in flight when the drain began, or that ended during it. */
  readonly drained: number
  /** Requests that the drain aborted. */
  readonly cut: number
}

/** How often a drain checks for requests in flight. */
const pollMs = 20

/**
 * Graceful stop: report not ready while still serving everything, then close the listener, then wait up to a limit for
 * requests in flight, then abort the rest visibly.
 */
export class GatewayLifecycle {
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #timeoutMs: number
  readonly #delayMs: number
  readonly #announces: boolean
  readonly #targets = new Set<DrainTarget>()
  readonly #closing: (() => void)[] = []
  #phase: LifecyclePhase = 'serving'
  #drain: Promise<DrainResult> | undefined

  /**
   * @param options.timeoutMs how long requests may continue
   * @param options.delayMs between "not ready" and closing the listener, so that a load balancer notices
   * @param options.announces whether to publish the phases; default true
   */
  constructor(
    clock: Clock,
    events: EventBus,
    options: { timeoutMs: number; delayMs: number; announces?: boolean },
  ) {
    this.#clock = clock
    this.#events = events
    this.#timeoutMs = options.timeoutMs
    this.#delayMs = options.delayMs
    this.#announces = options.announces ?? true
  }

  get phase(): LifecyclePhase {
    return this.#phase
  }

  get draining(): boolean {
    return this.#phase !== 'serving'
  }

  /** Call when the gateway accepts requests. */
  ready(): void {
    this.#announce('ready', 0)
  }

  track(target: DrainTarget): void {
    this.#targets.add(target)
  }

  /** @param run called after the delay, just before the listener closes */
  onClosing(run: () => void): void {
    this.#closing.push(run)
  }

  get inFlight(): number {
    let inFlight = 0
    for (const target of this.#targets) inFlight += target.inFlight()
    return inFlight
  }

  /** Drains once; later calls return the same result. */
  drain(listener: DrainedListener): Promise<DrainResult> {
    this.#drain ??= this.#drainOnce(listener)
    return this.#drain
  }

  async #drainOnce(listener: DrainedListener): Promise<DrainResult> {
    this.#phase = 'draining'
    const drained = this.inFlight
    this.#announce('draining', drained)
    listener.stopKeeping()
    if (this.#delayMs > 0) await this.#sleep(this.#delayMs)
    for (const run of this.#closing) run()
    await listener.stopAccepting()
    const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs
    while (this.inFlight + listener.open > 0 && this.#clock.monotonicMs() < deadlineMs) {
      await this.#sleep(pollMs)
      await listener.tend()
    }
    this.#phase = 'stopped'
    const cut = await this.#cut(listener)
    this.#announce(cut > 0 ? 'cut' : 'drained', cut)
    // Requests refused before their body was complete were not in flight yet.
    return { drained: Math.max(drained, cut), cut }
  }

  async #cut(listener: DrainedListener): Promise<number> {
    let cut = 0
    for (const target of this.#targets) cut += target.cutAll()
    if (listener.open === 0) return cut
    cut += listener.refuseIncomplete()
    // Allows time for the final bytes to reach clients whose requests were aborted.
    await this.#sleep(pollMs)
    return cut + listener.cutUnread()
  }

  #announce(phase: GatewayEvents['lifecycle.phase']['phase'], inFlight: number): void {
    if (this.#announces) this.#events.publish('lifecycle.phase', { phase, inFlight })
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }
}
