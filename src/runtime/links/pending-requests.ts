import type { Clock, Timer } from '../../kernel/clock.ts'
import type { LinkPort, ThreadAnswer } from './messages.ts'

interface Pending {
  readonly timer: Timer
  readonly port: LinkPort
  readonly resolve: (answers: readonly ThreadAnswer[]) => void
}

/** Requests to other threads without an answer yet. Each ends with an answer, a timeout or the end of its port. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Sends a request.
   * @param timeoutMs time limit that the other end receives
   * @param graceMs added to the limit here, if the other end collects answers from other threads
   * @returns the answers; empty if they are late or never arrive
   */
  send(
    port: LinkPort,
    request: { topic: string; data: unknown; from: number; to: number },
    timeoutMs: number,
    graceMs = 0,
  ): Promise<readonly ThreadAnswer[]> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs + graceMs, () => this.close(id, []))
      this.#pending.set(id, { timer, port, resolve })
      port.postMessage({ kind: 'request', id, ...request, timeoutMs })
    })
  }

  close(id: number, answers: readonly ThreadAnswer[]): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    pending.timer.cancel()
    pending.resolve(answers)
  }

  /** The other end has closed. */
  closeAll(port: LinkPort): void {
    for (const [id, pending] of this.#pending) if (pending.port === port) this.close(id, [])
  }
}
