import type { Clock, Timer } from '../../kernel/clock.ts'
import type { CallerChanges, CallerRecords } from '../contract/records.ts'
import type { CallerStore } from './caller-store.ts'
import { isUnreachable } from './unreachable.ts'

export interface CallerSourceOptions {
  readonly store: Pick<CallerStore, 'load' | 'changes' | 'revision'>
  readonly clock: Clock
  /** Between two looks at the store. */
  readonly intervalMs: number
  readonly onChange: (changes: CallerChanges) => void
  /** The store became readable or unreadable. */
  readonly onState: (isCurrent: boolean, reason: string | undefined) => void
}

/** A store that has not answered for this long may have changes that are not known here. */
const silentMs = 2_000

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

  /** Whether the store was read at least once. */
  get isLoaded(): boolean {
    return this.#revision >= 0
  }

  /**
   * Reads everything, then looks for changes at intervals.
   * @returns undefined if the store is away; `onChange` gets everything once it is there
   */
  async start(): Promise<CallerRecords | undefined> {
    const { store, clock } = this.#options
    try {
      const { revision, ...records } = await store.load(clock.nowMs())
      this.#revision = revision
      return records
    } catch (error) {
      if (!isUnreachable(error)) throw error
      this.#note(false, messageOf(error))
      return undefined
    } finally {
      this.#schedule()
    }
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
    const silence = clock.after(silentMs, () => this.#note(false, 'the store does not answer'))
    try {
      if ((await store.revision()) !== this.#revision) {
        const changes = await store.changes(this.#revision, clock.nowMs())
        this.#revision = changes.revision
        if (!this.#stopped) onChange(changes)
      }
      this.#note(true, undefined)
    } catch (error) {
      this.#note(false, messageOf(error))
    } finally {
      silence.cancel()
    }
  }

  #note(isCurrent: boolean, reason: string | undefined): void {
    if (this.#isCurrent === isCurrent || this.#stopped) return
    this.#isCurrent = isCurrent
    this.#options.onState(isCurrent, reason)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
