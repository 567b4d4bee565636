import type { Clock, Timer } from '../../kernel/clock.ts'
import { type LedgerFailure, ledgerFailure } from './ledger-failure.ts'
import type { SharedAmounts } from './shared-amounts.ts'
import { addUsage, otherModel, subjectText, type UsageRow } from './usage-row.ts'
import type { UsageBatch } from './usage-store.ts'

export interface LedgerOptions {
  /** Identifies this process among those that write to the database. */
  readonly writer: string
  readonly store: { write(batch: UsageBatch): Promise<number | undefined> }
  readonly clock: Clock
  /** The amounts of limits, which are written with the rows, and between two batches read. */
  readonly amounts?: Pick<SharedAmounts, 'changes' | 'written' | 'refresh'>
  /** Rows became writable or unwritable. */
  readonly onState?: (isWritable: boolean, reason: string | undefined) => void
  /** Rows in memory beyond which a key's rows are folded into one; at twice as many, requests are lost. */
  readonly maxRows?: number
}

export interface LedgerState {
  readonly isWritable: boolean
  readonly reason: string | undefined
  /** The reason without the database's text, which may hold addresses and paths. */
  readonly failure: LedgerFailure | undefined
  /** Since when no write has succeeded, and when one has last. */
  readonly failingSinceMs: number | undefined
  readonly lastWriteAtMs: number | undefined
  /** Rows that are not written yet, and since when. */
  readonly pendingRows: number
  readonly pendingSinceMs: number | undefined
  /** Requests that the database will not get, because there was no room for them. */
  readonly lostRequests: number
  readonly writtenRequests: number
}

/** Rows of one transaction: writing to SQLite takes the thread's time. */
const batchRows = 2_000
const defaultMaxRows = 50_000
const minRetryMs = 500
const maxRetryMs = 10_000

/**
 * Writes what all threads have collected, batch by batch, and keeps it in memory while the database is away. A batch
 * that failed is repeated as it is, under its number, because it may have been written all the same.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #maxRows: number
  readonly #pending = new Map<string, UsageRow>()
  #batch: UsageBatch | undefined
  #number = 0
  #writing: Promise<void> | undefined
  #retry: Timer | undefined
  #failures = 0
  #reason: string | undefined
  #failure: LedgerFailure | undefined
  #failingSinceMs: number | undefined
  #lastWriteAtMs: number | undefined
  #pendingSinceMs: number | undefined
  #lostRequests = 0
  #writtenRequests = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#maxRows = options.maxRows ?? defaultMaxRows
  }

  get state(): LedgerState {
    return {
      isWritable: this.#reason === undefined,
      reason: this.#reason,
      failure: this.#failure,
      failingSinceMs: this.#failingSinceMs,
      lastWriteAtMs: this.#lastWriteAtMs,
      pendingRows: this.#pending.size + (this.#batch?.rows.length ?? 0),
      pendingSinceMs: this.#pendingSinceMs,
      lostRequests: this.#lostRequests,
      writtenRequests: this.#writtenRequests,
    }
  }

  /** Adds rows, and begins to write if nothing is being written. */
  add(rows: readonly UsageRow[]): void {
    if (rows.length === 0) return
    this.#pendingSinceMs ??= this.#options.clock.nowMs()
    for (const row of rows) this.#keep(row)
    if (this.#retry === undefined) void this.#writeAll()
  }

  /** Writes everything now. @returns whether it was written */
  async flush(): Promise<boolean> {
    this.#retry?.cancel()
    this.#retry = undefined
    await this.#writing
    await this.#writeAll()
    return this.#pending.size === 0 && this.#batch === undefined
  }

  /** Reads what other gateways have added to the amounts of limits, unless a batch may be in the store or not. */
  async refreshAmounts(): Promise<void> {
    await this.#writing
    if (this.#writing !== undefined || this.#batch !== undefined) return
    this.#writing = this.#refresh().finally(() => {
      this.#writing = undefined
      // Rows that came meanwhile.
      if (this.#pending.size > 0 && this.#retry === undefined) void this.#writeAll()
    })
    await this.#writing
  }

  stop(): void {
    this.#retry?.cancel()
  }

  #keep(row: UsageRow): void {
    const name = `${row.hour}\0${subjectText(row)}`
    const known = this.#pending.get(name)
    if (known !== undefined) addUsage(known, row)
    else if (
      this.#pending.size < this.#maxRows ||
      (row.model === otherModel && this.#pending.size < 2 * this.#maxRows)
    )
      this.#pending.set(name, { ...row })
    else if (row.model === otherModel) this.#lostRequests += row.requests
    else this.#keep({ ...row, model: otherModel, endpoint: '' })
  }

  #writeAll(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #write(): Promise<void> {
    const { store, amounts } = this.#options
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      try {
        const revision = await store.write(batch)
        amounts?.written(revision)
      } catch (error) {
        this.#failed(error)
        return
      }
      this.#batch = undefined
      for (const { requests } of batch.rows) this.#writtenRequests += requests
      this.#succeeded()
    }
    this.#pendingSinceMs = undefined
  }

  #next(): UsageBatch | undefined {
    if (this.#batch !== undefined) return this.#batch
    const rows: UsageRow[] = []
    for (const [name, row] of this.#pending) {
      if (rows.length >= batchRows) break
      rows.push(row)
      this.#pending.delete(name)
    }
    if (rows.length === 0) return undefined
    const { writer, clock } = this.#options
    const amounts = this.#options.amounts?.changes() ?? []
    this.#batch = { writer, number: ++this.#number, atMs: clock.nowMs(), rows, amounts }
    return this.#batch
  }

  async #refresh(): Promise<void> {
    try {
      await this.#options.amounts?.refresh()
    } catch {
      // A store that is away is reported when it cannot be written.
    }
  }

  #failed(error: unknown): void {
    const isNews = this.#reason === undefined
    this.#reason = error instanceof Error ? error.message : String(error)
    this.#failure = ledgerFailure(error)
    this.#failingSinceMs ??= this.#options.clock.nowMs()
    const waitMs = Math.min(maxRetryMs, minRetryMs * 2 ** this.#failures++)
    this.#retry = this.#options.clock.after(waitMs, () => {
      this.#retry = undefined
      void this.#writeAll()
    })
    if (isNews) this.#options.onState?.(false, this.#reason)
  }

  #succeeded(): void {
    this.#failures = 0
    this.#failure = undefined
    this.#failingSinceMs = undefined
    this.#lastWriteAtMs = this.#options.clock.nowMs()
    if (this.#reason === undefined) return
    this.#reason = undefined
    this.#options.onState?.(true, undefined)
  }
}
