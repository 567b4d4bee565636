import type { Clock, Timer } from '../../kernel/clock.ts'
import type { LinkPort, ThreadAnswer } from './messages.ts'

interface Open {
  readonly timer: Timer
  readonly port: LinkPort
  readonly resolve: (answers: readonly ThreadAnswer[]) => void
}

/** Questions to other threads that have not been answered yet. Each ends: answered, late, or with its port. */
export class OpenQuestions {
  readonly #clock: Clock
  readonly #open = new Map<number, Open>()
  #lastId = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Sends a question.
   * @param timeoutMs what the other end is told
   * @param graceMs by how much longer is waited here, where the other end asks others in turn
   * @returns what comes back; nothing where it comes too late or never
   */
  ask(
    port: LinkPort,
    question: { topic: string; data: unknown; from: number; to: number },
    timeoutMs: number,
    graceMs = 0,
  ): Promise<readonly ThreadAnswer[]> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs + graceMs, () => this.close(id, []))
      this.#open.set(id, { timer, port, resolve })
      port.postMessage({ kind: 'ask', id, ...question, timeoutMs })
    })
  }

  close(id: number, answers: readonly ThreadAnswer[]): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    open.timer.cancel()
    open.resolve(answers)
  }

  /** The other end is gone. */
  closeAll(port: LinkPort): void {
    for (const [id, open] of this.#open) if (open.port === port) this.close(id, [])
  }
}
