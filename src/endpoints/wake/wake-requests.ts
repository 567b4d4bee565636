import type { Clock } from '../../kernel/clock.ts'
import type { PeerLink } from '../../runtime/links/peer-link.ts'
import { wakeTopic } from './waker.ts'

/** Minimum time between two messages of a thread about an endpoint. */
const intervalMs = 1_000

/** Asks the control thread to wake machines, for the requests of one thread. */
export class WakeRequests {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #link: Pick<PeerLink, 'sendToControl'>
  readonly #askedAtMs: number[] = []

  constructor(clock: Pick<Clock, 'monotonicMs'>, link: Pick<PeerLink, 'sendToControl'>) {
    this.#clock = clock
    this.#link = link
  }

  wake(slot: number): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#askedAtMs[slot] ?? Number.NEGATIVE_INFINITY) < intervalMs) return
    this.#askedAtMs[slot] = nowMs
    this.#link.sendToControl(wakeTopic, slot)
  }
}
