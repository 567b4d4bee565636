import { defaultsOf, type SectionOptions } from '../../config/options/sections.ts'

export interface RetryPolicyOptions
  extends Pick<SectionOptions<'proxy'>, 'maxRetries' | 'retryBackoffMs' | 'maxRetryWaitMs' | 'retryBudget'> {
  /** 0 to 1. */
  readonly random: () => number
}

/**
 * Decides how often and how soon a failed request is retried. All requests share one policy: its budget keeps retries
 * from multiplying the load of a struggling fleet.
 */
export class RetryPolicy {
  readonly #options: RetryPolicyOptions
  #budget: number
  #refused = 0

  constructor(options: Partial<RetryPolicyOptions> = {}) {
    this.#options = { ...defaultsOf('proxy'), random: Math.random, ...options }
    this.#budget = this.#options.retryBudget.burst
  }

  /** Retries available now. */
  get budget(): number {
    return this.#budget
  }

  /** Retries that the budget refused. */
  get refused(): number {
    return this.#refused
  }

  /** Maximum rounds over endpoints that were already tried. */
  get maxRounds(): number {
    return this.#options.maxRetries
  }

  /** Maximum wait for a `Retry-After`; milliseconds. */
  get maxWaitMs(): number {
    return this.#options.maxRetryWaitMs
  }

  requestStarted(): void {
    const { ratio, burst } = this.#options.retryBudget
    this.#budget = Math.min(burst, this.#budget + ratio)
  }

  /** @returns false if the budget is exhausted */
  spend(): boolean {
    if (this.#budget < 1) {
      this.#refused++
      return false
    }
    this.#budget--
    return true
  }

  /**
   * Milliseconds to wait before a round over endpoints that were already tried: the upper half of an exponential bound,
   * or the value of `Retry-After`. With full jitter all rounds could end before a full queue drains.
   * @param round 1 for the first repetition
   * @returns undefined if there is no such round or the wait would be too long
   */
  waitBeforeRound(round: number, retryAfterMs: number | undefined): number | undefined {
    const { maxRetries, retryBackoffMs, maxRetryWaitMs, random } = this.#options
    if (round > maxRetries) return undefined
    if (retryAfterMs !== undefined && retryAfterMs > maxRetryWaitMs) return undefined
    const jittered = (0.5 + 0.5 * random()) * Math.min(maxRetryWaitMs, retryBackoffMs * 2 ** (round - 1))
    return Math.max(retryAfterMs ?? 0, jittered)
  }
}

/** A wrong date or unit must not disable an endpoint for good, and Node fires timers beyond 2^31 ms at once. */
const maxRetryAfterMs = 3_600_000

/**
 * `Retry-After` as milliseconds from now (RFC 9110 section 10.2.3: seconds or an HTTP date), at most one hour.
 * @returns undefined if it is neither
 */
export function parseRetryAfter(value: string, nowMs: number): number | undefined {
  const text = value.trim()
  if (/^\d+$/.test(text)) return Math.min(maxRetryAfterMs, Number(text) * 1000)
  // Only the three HTTP date forms begin with a day's name; Date.parse alone would take nearly anything.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.min(maxRetryAfterMs, Math.max(0, date - nowMs))
}
