import type { Clock, Timer } from '../../kernel/clock.ts'
import type { CallerChanges, CallerRecords } from '../contract/records.ts'
import type { CallerStore } from './caller-store.ts'

export interface CallerSourceOptions {
  readonly store: Pick<CallerStore, 'load' | 'changes' | 'revision'>
  readonly clock: Clock
  /** Between two looks at the store. */
  readonly intervalMs: number
  readonly onChange: (changes: CallerChanges) => void
  /** The store became readable or unreadable. */
  readonly onState: (isCurrent: boolean, reason: string | undefined) => void
}

/** Follows a store that other processes change too. */
export class CallerSource {
  readonly #options: CallerSourceOptions
  #revision = -1
  #isCurrent = true
  #timer: Timer | undefined
  /** The last read, which may be under way, and the one that begins after it. */
  #reading: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined
  #stopped = false

  constructor(options: CallerSourceOptions) {
    this.#options = options
  }

  get isCurrent(): boolean {
    return this.#isCurrent
  }

  /** Reads everything, then looks for changes at intervals. */
  async start(): Promise<CallerRecords> {
    const { store, clock } = this.#options
    const { revision, ...records } = await store.load(clock.nowMs())
    this.#revision = revision
    this.#schedule()
    return records
  }

  /**
   * Reads what has changed now, after the read that may be under way. One read is enough for all that wait for it; two at
   * a time could apply their changes in the wrong order.
   */
  refresh(): Promise<void> {
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined
      this.#reading = this.#read()
      return this.#reading
    })
    return this.#next
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options
    if (this.#stopped || intervalMs <= 0) return
    this.#timer = clock.after(intervalMs, () => {
      void this.refresh().finally(() => this.#schedule())
    })
  }

  async #read(): Promise<void> {
    const { store, clock, onChange } = this.#options
    try {
      if ((await store.revision()) !== this.#revision) {
        const changes = await store.changes(this.#revision, clock.nowMs())
        this.#revision = changes.revision
        if (!this.#stopped) onChange(changes)
      }
      this.#note(true, undefined)
    } catch (error) {
      this.#note(false, error instanceof Error ? error.message : String(error))
    }
  }

  #note(isCurrent: boolean, reason: string | undefined): void {
    if (this.#isCurrent === isCurrent || this.#stopped) return
    this.#isCurrent = isCurrent
    this.#options.onState(isCurrent, reason)
  }
}
