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
  /** Where messages are until they have arrived or are given up; undefined keeps them in memory only. */
  readonly kept?: { put(queued: QueuedMessage): void; remove(id: string): void } | undefined
}

/** A message and when it was queued, since the epoch. */
export interface QueuedMessage {
  readonly message: WebhookMessage
  readonly queuedAtMs: number
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

interface Waiting extends QueuedMessage {
  attempts: number
  dueMs: number
}

const defaultMaxMessages = 1_000
const firstDelayMs = 1_000
const maxDelayMs = 600_000
/** A message that did not arrive in this time is given up. */
export const maxMessageAgeMs = 86_400_000
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
    const queued = { message, queuedAtMs: this.#options.clock.nowMs() }
    if (this.#has(message.id)) return
    this.#options.kept?.put(queued)
    this.#add(queued)
  }

  /** Adds messages that another process could not deliver; those that wait already do not wait twice. */
  restore(messages: readonly QueuedMessage[]): void {
    if (this.#isClosed) return
    for (const queued of messages) if (!this.#has(queued.message.id)) this.#add(queued)
  }

  /** The crossing of a budget has the same ID if it is found again. */
  #has(id: string): boolean {
    for (const { message } of this.#waiting) if (message.id === id) return true
    return false
  }

  #add(queued: QueuedMessage): void {
    for (const oldest of this.#waiting) {
      if (this.#waiting.size < this.#maxMessages) break
      this.#drop(oldest)
    }
    this.#waiting.add({ ...queued, attempts: 0, dueMs: this.#options.clock.monotonicMs() })
    this.#schedule()
  }

  /** Tries each message that was not tried yet once more, for a bounded time. @returns messages that have not arrived */
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
    this.#options.kept?.remove(waiting.message.id)
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
    if (clock.nowMs() - waiting.queuedAtMs >= maxMessageAgeMs) this.#drop(waiting)
    else if (isNews) onState?.(this.state)
  }

  #drop(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return
    this.#options.kept?.remove(waiting.message.id)
    this.#dropped++
    if (this.#hasReportedDrop) return
    this.#hasReportedDrop = true
    this.#options.onState?.(this.state)
  }
}
