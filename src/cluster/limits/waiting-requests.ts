import type { Clock } from '../../kernel/clock.ts'
import { PendingCalls } from '../connection/pending-calls.ts'
import type { LimitRequest, LimitVerdict } from '../contract/limits.ts'
import type { WaitingRequest } from './limit-batch.ts'

export interface WaitingRequestsOptions {
  readonly clock: Clock
  /** Maximum time that a request waits for its verdict. */
  readonly timeoutMs: number
  /** The verdict on a request that has been sent and waits no longer. */
  readonly unsureVerdict: (waiting: WaitingRequest) => LimitVerdict
}

const away: LimitVerdict = { kind: 'away' }

/** Requests that wait for the next call to the server, and those that were refused and may ask again. */
export class WaitingRequests {
  readonly #options: WaitingRequestsOptions
  readonly #deadlines: PendingCalls
  #waiting: WaitingRequest[] = []
  #refused: WaitingRequest[] = []

  constructor(options: WaitingRequestsOptions) {
    this.#options = options
    this.#deadlines = new PendingCalls(options.clock, options.timeoutMs)
  }

  get size(): number {
    return this.#waiting.length
  }

  get hasRefused(): boolean {
    return this.#refused.length > 0
  }

  add(request: LimitRequest, thread: number): Promise<LimitVerdict> {
    return new Promise((resolve) => {
      const end = this.#deadlines.begin(() => {
        const isSent = waiting.isOver
        waiting.isOver = true
        resolve(isSent ? this.#options.unsureVerdict(waiting) : (waiting.refusal ?? away))
      })
      const waiting: WaitingRequest = {
        request,
        thread,
        ticket: undefined,
        isOver: false,
        refusal: undefined,
        decide(verdict) {
          const isWaiting = end()
          if (isWaiting) resolve(verdict)
          return isWaiting
        },
      }
      this.#waiting.push(waiting)
    })
  }

  /**
   * Takes at most so many requests for a call.
   * @param verdictOn decides about a request that needs no call
   */
  take(count: number, verdictOn: (waiting: WaitingRequest) => LimitVerdict | undefined): WaitingRequest[] {
    return this.#waiting.splice(0, count).filter((waiting) => {
      if (waiting.isOver) return false
      waiting.isOver = true
      const verdict = verdictOn(waiting)
      if (verdict !== undefined) waiting.decide(verdict)
      return verdict === undefined
    })
  }

  /** A request may ask again; the verdict holds if it cannot in time. */
  refuse(waiting: WaitingRequest, verdict: LimitVerdict): void {
    waiting.refusal = verdict
    waiting.isOver = false
    this.#refused.push(waiting)
  }

  /** Requests that were refused wait for the next call. */
  askAgain(): void {
    this.#waiting.push(...this.#refused)
    this.#refused = []
  }

  /** Requests of a call that was not run wait for another one, as long as they may wait. */
  again(requests: readonly WaitingRequest[]): void {
    const waiting = requests.filter(({ ticket }) => ticket === undefined)
    for (const each of waiting) each.isOver = false
    this.#waiting.unshift(...waiting)
  }

  /** No request waits for the next call. */
  endAll(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.decide(waiting.refusal ?? away)
  }

  stop(): void {
    this.#deadlines.stop()
  }
}
