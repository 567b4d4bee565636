import type { Clock } from '../clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { GatewayEvents } from '../events/events.ts'

/** Where the gateway is in its life: it serves, stops taking requests, or has stopped. */
export type LifecyclePhase = 'serving' | 'draining' | 'stopped'

export interface DrainTarget {
  /** Requests under way. */
  inFlight(): number
  /** Ends what is under way so that clients see it; returns how many. */
  cutAll(): number
}

export interface DrainResult {
  /** Requests that were under way when the drain began. */
  readonly drained: number
  /** Requests that had to be ended. */
  readonly cut: number
}

/** How often a drain looks whether requests are still under way. */
const pollMs = 20
const nothingUnread: DrainTarget = { inFlight: () => 0, cutAll: () => 0 }

/**
 * Graceful stop: not ready first, then nothing new, then wait for what is under way up to a limit, then end
 * the rest visibly.
 */
export class GatewayLifecycle {
  readonly #clock: Clock
  readonly #events: EventBus
  readonly #timeoutMs: number
  readonly #delayMs: number
  readonly #announces: boolean
  readonly #targets = new Set<DrainTarget>()
  #phase: LifecyclePhase = 'serving'
  #result: DrainResult | undefined
  #deadlineMs = 0

  /**
   * @param options.timeoutMs how long requests may go on
   * @param options.delayMs between "not ready" and the drain, so that a load balancer notices
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

  /** What the drain came to; undefined before its end. */
  get result(): DrainResult | undefined {
    return this.#result
  }

  /** To be called when requests are taken. */
  ready(): void {
    this.#announce('ready', 0)
  }

  track(target: DrainTarget): void {
    this.#targets.add(target)
  }

  get inFlight(): number {
    let inFlight = 0
    for (const target of this.#targets) inFlight += target.inFlight()
    return inFlight
  }

  /**
   * @param onRefuse called when new requests are no longer wanted
   * @param onPoll called again and again while requests finish
   * @param unread answers that are over, but for what their clients have not read
   */
  async drain(
    onRefuse: () => void,
    onPoll: () => void,
    unread: DrainTarget = nothingUnread,
  ): Promise<DrainResult> {
    if (this.#result !== undefined) return this.#result
    this.#phase = 'draining'
    const drained = this.inFlight
    this.#announce('draining', drained)
    if (this.#delayMs > 0) await this.#sleep(this.#delayMs)
    onRefuse()
    this.#deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs
    while (this.inFlight + unread.inFlight() > 0 && this.leftMs > 0) {
      onPoll()
      await this.#sleep(pollMs)
    }
    const cut = await this.#cut(onPoll, unread)
    this.#phase = 'stopped'
    this.#result = { drained, cut }
    this.#announce(cut > 0 ? 'cut' : 'drained', cut)
    return this.#result
  }

  /** Milliseconds that requests may still go on. */
  get leftMs(): number {
    return Math.max(0, this.#deadlineMs - this.#clock.monotonicMs())
  }

  /**
   * Ends what has begun since the drain was over: requests whose body was still on its way. To be called when
   * `leftMs` have passed.
   */
  async cutLate(onPoll: () => void, unread: DrainTarget = nothingUnread): Promise<void> {
    const cut = await this.#cut(onPoll, unread)
    const { drained, cut: before } = this.#result ?? { drained: 0, cut: 0 }
    this.#result = { drained: drained + cut, cut: before + cut }
  }

  async #cut(onPoll: () => void, unread: DrainTarget): Promise<number> {
    let cut = 0
    for (const target of this.#targets) cut += target.cutAll()
    onPoll()
    if (unread.inFlight() === 0) return cut
    // The last words of those that were cut are on their way.
    await this.#sleep(pollMs)
    return cut + unread.cutAll()
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
