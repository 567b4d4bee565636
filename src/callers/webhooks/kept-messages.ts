import type { Clock, Timer } from '../../kernel/clock.ts'
import type { Database } from '../store/database.ts'
import { text } from '../store/rows.ts'
import type { WebhookMessage } from './message.ts'
import { maxMessageAgeMs, type QueuedMessage } from './webhook-queue.ts'

export interface KeptMessagesOptions {
  readonly database: Database
  readonly clock: Clock
  /** Identifies this process among all that share the store. */
  readonly holder: string
}

/** How long a process holds its messages; it renews that three times in between. */
const holdMs = 180_000
const renewMs = 60_000
/** Maximum number of messages of a webhook that a process takes over. */
const maxTaken = 1_000

/** A change of the store that is still to be made; undefined removes the message. */
type Pending = QueuedMessage | undefined

/**
 * Keeps messages of webhooks in the store until they have arrived, so that the next process delivers what this one could
 * not. A process holds its messages for a time; those that no process holds go to the next that asks. While the store is
 * away, messages are in memory only, and changes are made later.
 */
export class KeptMessages {
  readonly #options: KeptMessagesOptions
  /** By webhook and ID; bounded by the messages of the queues and those that they have just delivered. */
  readonly #pending = new Map<string, { readonly webhook: string; readonly id: string; change: Pending }>()
  #writing: Promise<void> | undefined
  #timer: Timer | undefined

  constructor(options: KeptMessagesOptions) {
    this.#options = options
  }

  put(webhook: string, queued: QueuedMessage): void {
    this.#change(webhook, queued.message.id, queued)
  }

  remove(webhook: string, id: string): void {
    this.#change(webhook, id, undefined)
  }

  /**
   * Takes the messages of a webhook that no process holds.
   * @param isNew whether this process has no queue for it yet: then also those that this process holds
   * @throws if the store is away
   */
  async take(webhook: string, isNew: boolean): Promise<QueuedMessage[]> {
    const { database, clock, holder } = this.#options
    await this.#writing
    const nowMs = clock.nowMs()
    // A SQLite file belongs to one gateway: a process that holds its messages has ended.
    const heldBefore = isNew && database.dialect === 'sqlite' ? Number.MAX_SAFE_INTEGER : nowMs
    const rows = await database.all(
      `UPDATE olla_webhook_messages SET held_by = ?, held_until = ? WHERE webhook = ? AND id IN (
        SELECT id FROM olla_webhook_messages WHERE webhook = ? AND (held_until < ? OR held_by = ?)
        ORDER BY queued_at LIMIT ?)
      RETURNING id, body, queued_at`,
      [holder, nowMs + holdMs, webhook, webhook, heldBefore, isNew ? holder : '', maxTaken],
    )
    return rows
      .map((row) => ({
        message: { id: text(row.id), body: Buffer.from(text(row.body)) },
        queuedAtMs: Number(row.queued_at),
      }))
      .sort((a, b) => a.queuedAtMs - b.queuedAtMs)
  }

  /**
   * Renews what this process holds, at intervals, and forgets messages that are too old.
   * @param onRenewed takes what others have left, for example
   */
  start(onRenewed: () => Promise<void>): void {
    const { clock } = this.#options
    this.#timer = clock.after(renewMs, () => {
      void this.#renew()
        .then(onRenewed)
        .catch(() => undefined)
        .finally(() => this.start(onRenewed))
    })
  }

  /** Writes what is pending and lets go of the messages. @returns whether the store has all of them */
  async stop(): Promise<boolean> {
    this.#timer?.cancel()
    const { database, holder } = this.#options
    await this.#writing
    await this.#write()
    try {
      await database.all('UPDATE olla_webhook_messages SET held_until = 0 WHERE held_by = ?', [holder])
    } catch {
      // They are free once the time is over.
    }
    return this.#pending.size === 0
  }

  async #renew(): Promise<void> {
    const { database, clock, holder } = this.#options
    const nowMs = clock.nowMs()
    await this.#write()
    await database.all('UPDATE olla_webhook_messages SET held_until = ? WHERE held_by = ?', [
      nowMs + holdMs,
      holder,
    ])
    await database.all('DELETE FROM olla_webhook_messages WHERE queued_at < ?', [nowMs - maxMessageAgeMs])
  }

  #change(webhook: string, id: string, change: Pending): void {
    const key = `${webhook} ${id}`
    this.#pending.delete(key)
    this.#pending.set(key, { webhook, id, change })
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** One statement at a time, so that a message is not removed before it is there. */
  async #write(): Promise<void> {
    for (;;) {
      const [first] = this.#pending
      if (first === undefined) return
      const [key, pending] = first
      try {
        await this.#apply(pending.webhook, pending.id, pending.change)
      } catch {
        // The next change, or the next renewal, tries again.
        return
      }
      if (this.#pending.get(key) === pending) this.#pending.delete(key)
    }
  }

  async #apply(webhook: string, id: string, change: Pending): Promise<void> {
    const { database, clock, holder } = this.#options
    if (change === undefined) {
      await database.all('DELETE FROM olla_webhook_messages WHERE webhook = ? AND id = ?', [webhook, id])
      return
    }
    await database.all(
      `INSERT INTO olla_webhook_messages (webhook, id, body, queued_at, held_by, held_until)
      VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (webhook, id) DO NOTHING`,
      [webhook, id, bodyText(change.message), change.queuedAtMs, holder, clock.nowMs() + holdMs],
    )
  }
}

function bodyText({ body }: WebhookMessage): string {
  return body.toString('utf8')
}
