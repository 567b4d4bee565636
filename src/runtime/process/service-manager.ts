import type { Clock, Timer } from '../../kernel/clock.ts'

export interface ServiceManagerOptions {
  /** Environment of the process; `NOTIFY_SOCKET` indicates that a service manager listens. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  readonly clock: Clock
  /** Sends assignments to the manager. @throws if that is not possible */
  send(assignments: readonly string[]): Promise<void>
  /** Called with the first failure. Later messages may succeed, unless the program is missing. */
  onFailure(error: unknown): void
}

/** Delay before the next check after a thread did not respond. */
const recheckMs = 500

/** Reports the gateway's state to systemd, or a manager with the same protocol: `sd_notify(3)`. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  #sending: Promise<void> = Promise.resolve()
  #pending = 0
  #hasFailed = false
  #isMissing = false
  #feeding: Timer | undefined

  /** @returns undefined if no manager listens */
  static of(options: ServiceManagerOptions): ServiceManager | undefined {
    return (options.env.NOTIFY_SOCKET ?? '') === '' ? undefined : new ServiceManager(options)
  }

  private constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /**
   * Call when the gateway listens. From then on it feeds the manager's watchdog.
   * @param isResponsive whether all threads respond
   */
  ready(status: string, isResponsive: () => boolean): void {
    this.#send('READY=1', `STATUS=${status}`)
    const intervalMs = this.#watchdogMs()
    if (intervalMs !== undefined) this.#feed(intervalMs / 2, isResponsive)
  }

  /** @param limitMs maximum time until the end */
  stopping(limitMs: number): void {
    this.#send('STOPPING=1', `EXTEND_TIMEOUT_USEC=${Math.ceil(limitMs) * 1000}`, 'STATUS=stopping')
  }

  #feed(everyMs: number, isResponsive: () => boolean): void {
    // While a message to a slow manager is pending, send no more.
    const isFit = this.#pending === 0 && isResponsive()
    if (isFit) this.#send('WATCHDOG=1')
    this.#feeding = this.#options.clock.after(isFit ? everyMs : Math.min(everyMs, recheckMs), () =>
      this.#feed(everyMs, isResponsive),
    )
  }

  /** Watchdog interval of the manager in milliseconds; undefined if it has none, or watches another process. */
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
