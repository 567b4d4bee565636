import type { Clock, Timer } from '../../kernel/clock.ts'

export interface ServiceManagerOptions {
  /** Of the process; `NOTIFY_SOCKET` says that there is a manager that listens. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly clock: Clock
  /** Sends assignments to the manager. @throws where that is not possible */
  send(assignments: readonly string[]): Promise<void>
  /** Called with the first failure. Others may be followed by success, but not that the program is missing. */
  onFailure(error: unknown): void
}

/** How soon it looks again where a thread does not respond just now. */
const againMs = 500

/** Tells systemd, or a manager that does the same, how the gateway is: `sd_notify(3)`. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  #sending: Promise<void> = Promise.resolve()
  #pending = 0
  #hasFailed = false
  #isMissing = false
  #feeding: Timer | undefined

  /** @returns undefined where no manager listens */
  static of(options: ServiceManagerOptions): ServiceManager | undefined {
    return (options.env.NOTIFY_SOCKET ?? '') === '' ? undefined : new ServiceManager(options)
  }

  private constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /**
   * To be called when the gateway listens. From here on the manager's watchdog is fed.
   * @param isResponsive whether all threads respond
   */
  ready(status: string, isResponsive: () => boolean): void {
    this.#send('READY=1', `STATUS=${status}`)
    const intervalMs = this.#watchdogMs()
    if (intervalMs !== undefined) this.#feed(intervalMs / 2, isResponsive)
  }

  /** @param limitMs longest time until the end */
  stopping(limitMs: number): void {
    this.#send('STOPPING=1', `EXTEND_TIMEOUT_USEC=${Math.ceil(limitMs) * 1000}`, 'STATUS=stopping')
  }

  #feed(everyMs: number, isResponsive: () => boolean): void {
    // While something is on its way to a slow manager nothing more is added.
    const isFit = this.#pending === 0 && isResponsive()
    if (isFit) this.#send('WATCHDOG=1')
    this.#feeding = this.#options.clock.after(isFit ? everyMs : Math.min(everyMs, againMs), () =>
      this.#feed(everyMs, isResponsive),
    )
  }

  /** Milliseconds within which the manager wants a sign of life; undefined where it does not, or of another process. */
  #watchdogMs(): number | undefined {
    const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = this.#options.env
    const ms = Number(microseconds) / 1000
    if (!(ms > 0) || (pid !== undefined && Number(pid) !== this.#options.pid)) return undefined
    return ms
  }

  #send(...assignments: string[]): void {
    this.#pending++
    this.#sending = this.#sending.then(async () => {
      try {
        if (!this.#isMissing) await this.#options.send(assignments)
      } catch (error) {
        this.#failed(error)
      } finally {
        this.#pending--
      }
    })
  }

  #failed(error: unknown): void {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      this.#isMissing = true
      this.#feeding?.cancel()
    }
    if (!this.#hasFailed) this.#options.onFailure(error)
    this.#hasFailed = true
  }
}
