import type { Clock, Timer } from '../../kernel/clock.ts'
import type { WebhookMessage } from './message.ts'

/** Sends one message. @returns the status of the answer @throws Error whose message is safe to display */
export type SendMessage = (message: WebhookMessage) => Promise<{
  readonly statusCode: number
  /** How long the receiver asks to wait; undefined if it does not say. */
  readonly retryAfterMs: number | undefined
}>

export interface WebhookQueueOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly send: SendMessage
  /** Messages began to fail, the first one was lost since, or they arrive again. */
  readonly onState?: (state: WebhookState) => void
  readonly maxMessages?: number
}

export interface WebhookState {
  /** Messages that have not arrived yet. */
  readonly pending: number
  readonly delivered: number
  /** Attempts that failed; each is repeated. */
  readonly failures: number
  /** Messages that were given up, or for which there was no room. */
  readonly dropped: number
  readonly lastDeliveryAtMs: number | undefined
  /** Why the last attempt failed, and since when none has succeeded; undefined if the last one has. */
  readonly error: string | undefined
  readonly failingSinceMs: number | undefined
}

interface Waiting {
  readonly message: WebhookMessage
  readonly queuedAtMs: number
  attempts: number
  dueMs: number
}

const defaultMaxMessages = 1_000
const firstDelayMs = 1_000
const maxDelayMs = 600_000
/** A message that did not arrive in this time is given up. */
const maxAgeMs = 86_400_000
/** Time for messages that were not tried yet when the gateway stops. */
const closingMs = 3_000

/**
 * Delivers messages to one URL, one at a time. A message that fails is repeated with growing, jittered delays, and does
 * not hold up the others.
 */
export class WebhookQueue {
  readonly #options: WebhookQueueOptions
  readonly #maxMessages: number
  readonly #waiting = new Set<Waiting>()
  #sending: Promise<void> | undefined
  #timer: Timer | undefined
  #isClosed = false
  #delivered = 0
  #failures = 0
  #dropped = 0
  #hasReportedDrop = false
  #lastDeliveryAtMs: number | undefined
  #error: string | undefined
  #failingSinceMs: number | undefined

  constructor(options: WebhookQueueOptions) {
    this.#options = options
    this.#maxMessages = options.maxMessages ?? defaultMaxMessages
  }

  get state(): WebhookState {
    return {
      pending: this.#waiting.size,
      delivered: this.#delivered,
      failures: this.#failures,
      dropped: this.#dropped,
      lastDeliveryAtMs: this.#lastDeliveryAtMs,
      error: this.#error,
      failingSinceMs: this.#failingSinceMs,
    }
  }

  /** Adds a message; if there is no room, the oldest one is dropped. */
  push(message: WebhookMessage): void {
    if (this.#isClosed) return
    for (const oldest of this.#waiting) {
      if (this.#waiting.size < this.#maxMessages) break
      this.#drop(oldest)
    }
    const { clock } = this.#options
    const waiting = { message, queuedAtMs: clock.nowMs(), attempts: 0, dueMs: clock.monotonicMs() }
    this.#waiting.add(waiting)
    this.#schedule()
  }

  /** Tries each message that was not tried yet once more, for a bounded time. @returns messages that are lost */
  async close(): Promise<number> {
    this.#isClosed = true
    this.#timer?.cancel()
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + closingMs
    await this.#sending
    for (const waiting of [...this.#waiting]) {
      if (waiting.attempts > 0 || clock.monotonicMs() >= endMs) continue
      await this.#try(waiting)
    }
    return this.#waiting.size
  }

  #schedule(): void {
    if (this.#sending !== undefined || this.#isClosed) return
    this.#timer?.cancel()
    let next: Waiting | undefined
    for (const waiting of this.#waiting) if (next === undefined || waiting.dueMs < next.dueMs) next = waiting
    if (next === undefined) return
    const chosen = next
    this.#timer = this.#options.clock.after(chosen.dueMs - this.#options.clock.monotonicMs(), () => {
      this.#sending = this.#try(chosen).finally(() => {
        this.#sending = undefined
        this.#schedule()
      })
    })
  }

  async #try(waiting: Waiting): Promise<void> {
    // It may have been dropped for a newer one.
    if (!this.#waiting.has(waiting)) return
    waiting.attempts++
    let failure: string
    let retryAfterMs: number | undefined
    try {
      const answer = await this.#options.send(waiting.message)
      if (answer.statusCode >= 200 && answer.statusCode < 300) {
        this.#succeeded(waiting)
        return
      }
      failure = `status ${answer.statusCode}`
      retryAfterMs = answer.retryAfterMs
    } catch (error) {
      failure = error instanceof Error ? error.message : 'failed'
    }
    this.#failed(waiting, failure, retryAfterMs)
  }

  #succeeded(waiting: Waiting): void {
    this.#waiting.delete(waiting)
    this.#delivered++
    this.#lastDeliveryAtMs = this.#options.clock.nowMs()
    const isNews = this.#error !== undefined
    this.#error = undefined
    this.#failingSinceMs = undefined
    this.#hasReportedDrop = false
    if (isNews) this.#options.onState?.(this.state)
  }

  #failed(waiting: Waiting, failure: string, retryAfterMs = 0): void {
    const { clock, random, onState } = this.#options
    this.#failures++
    const isNews = this.#error === undefined
    this.#error = failure
    this.#failingSinceMs ??= clock.nowMs()
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (waiting.attempts - 1))
    // Between half of the delay and the whole, so that gateways do not repeat together.
    waiting.dueMs =
      clock.monotonicMs() + Math.max(delayMs * (0.5 + random() / 2), Math.min(retryAfterMs, maxDelayMs))
    if (clock.nowMs() - waiting.queuedAtMs >= maxAgeMs) this.#drop(waiting)
    else if (isNews) onState?.(this.state)
  }

  #drop(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return
    this.#dropped++
    if (this.#hasReportedDrop) return
    this.#hasReportedDrop = true
    this.#options.onState?.(this.state)
  }
}
