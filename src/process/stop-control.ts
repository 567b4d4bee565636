import type { Clock } from '../clock.ts'

/** Why the process stops. */
export type StopCause = { readonly signal: string } | { readonly error: unknown }

export interface StopResult {
  readonly code: number
  /** Whether nothing blocks a thread any more. */
  readonly isClean: boolean
}

export interface StopServices {
  /** Its timers must keep the process alive. */
  readonly clock: Clock
  /** Longest time of the whole stop. */
  readonly limitMs: number
  stop(cause: StopCause): Promise<StopResult>
  /** An error that comes during the stop. */
  note(error: unknown): void
  end(code: number, isClean: boolean): void
}

/** Stops once, within its time; a second signal ends the process at once. */
export class StopControl {
  readonly #services: StopServices
  #isStopping = false
  #hasFailed = false

  constructor(services: StopServices) {
    this.#services = services
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  signal(signal: string): void {
    // A service manager may send SIGHUP along with the signal to stop.
    if (!this.#isStopping) void this.#stop({ signal })
    else if (signal !== 'SIGHUP') this.#services.end(1, false)
  }

  /** To be called with an error that was not caught. */
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
