import type { Clock } from '../../kernel/clock.ts'
import { type NumberSignal, type SignalValues, signalNames } from '../signals/signal-source.ts'
import type { SignalCells } from './signal-cells.ts'

/**
 * How the last reading went: `read`; `unknown` if the engine answered without any of the names; `unsupported` if it has
 * none of the routes; `failed`.
 */
export const readOutcomes = ['read', 'unknown', 'unsupported', 'failed'] as const
export type ReadOutcome = (typeof readOutcomes)[number]

/** What an engine said last. A value that is absent is unknown, which is not 0. */
export interface EngineReading {
  /** Undefined before the first reading. */
  readonly outcome: ReadOutcome | undefined
  /** Whether the values are too old to be relied on. */
  readonly isStale: boolean
  /** Milliseconds since the values were read; undefined without values. */
  readonly ageMs: number | undefined
  /** Epoch milliseconds. */
  readonly readAtMs: number | undefined
  readonly values: Readonly<Partial<Record<NumberSignal, number>>>
  /** Requests in the engine that this gateway did not send. */
  readonly others: number | undefined
  /** Part of the prompt that was in the prefix cache, between the last two readings with prompts in between. */
  readonly hitRate: number | undefined
  readonly adapters: readonly string[] | undefined
  readonly consecutiveFailures: number
  /** Safe to display. */
  readonly error: string | undefined
}

/** What a choice between endpoints needs of an engine's signals; NaN is unknown. */
export interface EngineLoad {
  /** Milliseconds since the values were read. */
  signalAgeMs: number
  /** Requests in the engine that this gateway did not send. */
  others: number
  waiting: number
  maxRunning: number
  /** 0 to 1. */
  kvUsed: number
  /** 1 while the engine sleeps. */
  sleeping: number
}

export interface ReadValues extends SignalValues {
  readonly others: number | undefined
  readonly hitRate: number | undefined
}

/** The signals of all engines in shared memory: the control thread writes them, all threads read them. */
export class EngineSignals {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'nowMs'>
  readonly #cells: SignalCells
  #staleMs: number
  readonly #columns: Readonly<Record<NumberSignal, number>>
  readonly #hitRate: number
  readonly #hasAdapters: number
  readonly #others: number
  readonly #at: number
  readonly #readAt: number
  readonly #outcome: number
  readonly #failures: number

  /** @param staleMs age from which values count as unknown */
  constructor(clock: Pick<Clock, 'monotonicMs' | 'nowMs'>, cells: SignalCells, staleMs: number) {
    this.#clock = clock
    this.#cells = cells
    this.#staleMs = staleMs
    const { values, reads } = cells
    const column = (name: NumberSignal) => values.column(name)
    this.#columns = {
      running: column('running'),
      waiting: column('waiting'),
      max_running: column('max_running'),
      kv_cache_used: column('kv_cache_used'),
      prefix_hits: column('prefix_hits'),
      prefix_queries: column('prefix_queries'),
      prefix_hit_rate: column('prefix_hit_rate'),
      sleeping: column('sleeping'),
      adapters_loaded: column('adapters_loaded'),
      max_adapters: column('max_adapters'),
    }
    this.#hitRate = values.column('hitRateNow')
    this.#hasAdapters = values.column('hasAdapters')
    this.#others = values.column('others')
    this.#at = values.column('atMs')
    this.#readAt = values.column('readAtMs')
    this.#outcome = reads.column('outcome')
    this.#failures = reads.column('consecutiveFailures')
  }

  /** @param staleMs as for the constructor */
  use(staleMs: number): void {
    this.#staleMs = staleMs
  }

  /** @returns a value that is known and not stale, else NaN; allocates nothing */
  value(slot: number, signal: NumberSignal): number {
    return this.#isFresh(slot) ? this.#cells.values.number(slot, this.#columns[signal]) : Number.NaN
  }

  /**
   * Reads what a choice between endpoints needs; allocates nothing.
   * @param nowMs monotonic
   * @param into receives the values; NaN for what is unknown or stale
   */
  readLoad(slot: number, nowMs: number, into: EngineLoad): void {
    const { values } = this.#cells
    const ageMs = nowMs - values.number(slot, this.#at)
    const isFresh = ageMs <= this.#staleMs
    into.signalAgeMs = ageMs
    into.others = isFresh ? values.number(slot, this.#others) : Number.NaN
    into.waiting = isFresh ? values.number(slot, this.#columns.waiting) : Number.NaN
    into.maxRunning = isFresh ? values.number(slot, this.#columns.max_running) : Number.NaN
    into.kvUsed = isFresh ? values.number(slot, this.#columns.kv_cache_used) : Number.NaN
    into.sleeping = isFresh ? values.number(slot, this.#columns.sleeping) : Number.NaN
  }

  /** @returns requests in the engine from elsewhere, else NaN; allocates nothing */
  others(slot: number): number {
    return this.#isFresh(slot) ? this.#cells.values.number(slot, this.#others) : Number.NaN
  }

  read(slot: number): EngineReading {
    const { values, reads } = this.#cells
    const known = (column: number) => {
      const value = values.number(slot, column)
      return Number.isNaN(value) ? undefined : value
    }
    const atMs = known(this.#at)
    const found: Partial<Record<NumberSignal, number>> = {}
    for (const signal of signalNames) {
      const value = known(this.#columns[signal])
      if (value !== undefined) found[signal] = value
    }
    const error = reads.text(slot)
    const names = values.text(slot)
    return {
      outcome: readOutcomes[reads.number(slot, this.#outcome)],
      isStale: !this.#isFresh(slot),
      ageMs: atMs === undefined ? undefined : Math.max(0, this.#clock.monotonicMs() - atMs),
      readAtMs: known(this.#readAt),
      values: found,
      others: known(this.#others),
      hitRate: known(this.#hitRate),
      adapters: known(this.#hasAdapters) !== 1 ? undefined : names === '' ? [] : names.split(','),
      consecutiveFailures: reads.number(slot, this.#failures) || 0,
      error: error === '' ? undefined : error,
    }
  }

  succeeded(slot: number, { numbers, adapters, others, hitRate }: ReadValues): void {
    const { values } = this.#cells
    for (const signal of signalNames) {
      values.setNumber(slot, this.#columns[signal], numbers.get(signal) ?? Number.NaN)
    }
    values.setNumber(slot, this.#others, others ?? Number.NaN)
    values.setNumber(slot, this.#hitRate, hitRate ?? Number.NaN)
    values.setNumber(slot, this.#hasAdapters, adapters === undefined ? 0 : 1)
    const names = adapters?.join(',') ?? ''
    if (values.text(slot) !== names) values.setText(slot, names)
    values.setNumber(slot, this.#readAt, this.#clock.nowMs())
    values.setNumber(slot, this.#at, this.#clock.monotonicMs())
    this.#end(slot, 'read', 0, '')
  }

  /** @param error why; '' if the engine has nothing to say */
  failed(slot: number, outcome: Exclude<ReadOutcome, 'read'>, failures: number, error: string): void {
    this.#end(slot, outcome, failures, error)
  }

  #end(slot: number, outcome: ReadOutcome, failures: number, error: string): void {
    const { reads } = this.#cells
    reads.setNumber(slot, this.#outcome, readOutcomes.indexOf(outcome))
    reads.setNumber(slot, this.#failures, failures)
    if (reads.text(slot) !== error) reads.setText(slot, error)
  }

  #isFresh(slot: number): boolean {
    // NaN is not fresh.
    return this.#clock.monotonicMs() - this.#cells.values.number(slot, this.#at) <= this.#staleMs
  }
}
