import type { Clock } from '../../kernel/clock.ts'

/** Why the process stops. */
export type StopCause = { readonly signal: string } | { readonly error: unknown }

export interface StopResult {
  readonly code: number
  /** Whether no thread is blocked. */
  readonly isClean: boolean
}

export interface StopServices {
  /** Its timers must keep the process alive. */
  readonly clock: Clock
  /** Maximum time of the whole stop. */
  readonly limitMs: number
  stop(cause: StopCause): Promise<StopResult>
  /** Reports an error during the stop. */
  note(error: unknown): void
  end(code: number, isClean: boolean): void
}

/**
 * Treats a signal that arrives twice as one: on Ctrl-C a terminal sends SIGINT to npm and to the gateway, and npm
 * forwards it.
 */
const sameSignalMs = 500

/** Stops once, within its time limit; a second signal ends the process at once. */
export class StopControl {
  readonly #services: StopServices
  #isStopping = false
  #first: { readonly signal: string; readonly atMs: number } | undefined
  #hasFailed = false

  constructor(services: StopServices) {
    this.#services = services
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  signal(signal: string): void {
    const nowMs = this.#services.clock.monotonicMs()
    if (!this.#isStopping) {
      this.#first = { signal, atMs: nowMs }
      void this.#stop({ signal })
      return
    }
    const isSame = signal === this.#first?.signal && nowMs - this.#first.atMs < sameSignalMs
    // A service manager may send SIGHUP along with the stop signal.
    if (!isSame && signal !== 'SIGHUP') this.#services.end(1, false)
  }

  /** Call with an uncaught error. */
  fail(error: unknown): void {
    this.#hasFailed = true
    if (this.#isStopping) this.#services.note(error)
    else void this.#stop({ error })
  }

  async #stop(cause: StopCause): Promise<void> {
    const { clock, limitMs, stop, note, end } = this.#services
    this.#isStopping = true
    clock.after(limitMs, () => end(1, false))
    let result: StopResult
    try {
      result = await stop(cause)
    } catch (error) {
      note(error)
      result = { code: 1, isClean: false }
    }
    end(this.#hasFailed ? 1 : result.code, result.isClean)
  }
}
