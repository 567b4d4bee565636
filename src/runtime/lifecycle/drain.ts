import type { DrainedListener } from '../../http/connections/draining-listener.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { GatewayEvents } from '../events/events.ts'

/** Where the gateway is in its life: it serves, is being stopped, or has stopped. */
export type LifecyclePhase = 'serving' | 'draining' | 'stopped'

export interface DrainTarget {
  /** Requests under way. */
  inFlight(): number
  /** Ends what is under way so that clients see it, and refuses what comes later; returns how many it ended. */
  cutAll(): number
}

export interface DrainResult {
  /** Requests that were under way when the drain began, or whose end it was later. */
  readonly drained: number
  /** Requests that had to be ended. */
  readonly cut: number
}

/** How often a drain looks whether requests are still under way. */
const pollMs = 20

/**
 * Graceful stop: first not ready and everything served, then no new connections, then wait up to a limit for what is
 * under way, then end the rest visibly.
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
   * @param options.timeoutMs how long requests may go on
   * @param options.delayMs between "not ready" and closing the port, so that a load balancer notices
   * @param options.announces whether the phases are published; by default they are
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

  /** To be called when requests are taken. */
  ready(): void {
    this.#announce('ready', 0)
  }

  track(target: DrainTarget): void {
    this.#targets.add(target)
  }

  /** @param run called when the delay is over and the port is about to be closed */
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
    // What was refused before it was whole was not under way yet.
    return { drained: Math.max(drained, cut), cut }
  }

  async #cut(listener: DrainedListener): Promise<number> {
    let cut = 0
    for (const target of this.#targets) cut += target.cutAll()
    if (listener.open === 0) return cut
    cut += listener.refuseIncomplete()
    // The last words to clients whose requests were ended are on their way.
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
