import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { DirectoryChange } from '../directory/directory-data.ts'
import type { CallerAmounts, SavedAmount } from './contract.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { type LimitWindows, limitName, limitSpecs, rowKey } from './limit-plan.ts'
import { LimitRow, LimitRows } from './limit-row.ts'
import type { Moment, Window } from './window.ts'

export interface SavedAmountsServices {
  readonly cells: CallerLimitCells
  readonly windows: LimitWindows
  readonly now: () => Moment
  /** Everything that the directory contains. */
  readonly content: () => DirectoryChange
}

/** A limit whose amounts are saved. */
interface SavedLimit {
  readonly kind: SubjectKind
  readonly id: string
  readonly name: string
  readonly window: Window
}

/** A limit with cells. */
interface TrackedLimit {
  readonly key: string
  readonly limit: SavedLimit
  readonly row: LimitRow
  /** What the store has, by bucket; the cells contain it too. */
  readonly stored: Map<number, number>
}

/**
 * The amounts that outlive the process, for all subjects of a directory. A cell contains what the store had when it was
 * last read, what this process has used since it last saved, and what requests in progress have reserved.
 */
export class SavedAmounts implements CallerAmounts {
  readonly #services: SavedAmountsServices
  /** No other thread may give a row to another limit while this reads or changes it. */
  readonly #rows: LimitRows
  #limits = new Map<string, SavedLimit>()
  /** Their keys, by hash. */
  #hashes: Map<number, string> | undefined
  #isStale = true
  readonly #tracked = new Map<string, TrackedLimit>()
  readonly #byRow = new Map<number, TrackedLimit>()
  /** Amounts of the store whose limit no record sets, by the key of the limit. */
  readonly #unclaimed = new Map<string, SavedAmount[]>()
  /** Amounts of buckets that other clocks have begun. */
  #early: SavedAmount[] = []

  constructor(services: SavedAmountsServices) {
    this.#services = services
    this.#rows = new LimitRows(services.cells, services.windows)
  }

  /** The directory has changed. */
  forget(): void {
    this.#isStale = true
  }

  changes(): SavedAmount[] {
    return this.#rows.exclusively(() => this.#takeChanges())
  }

  #takeChanges(): SavedAmount[] {
    const changed: SavedAmount[] = []
    const moment = this.#services.now()
    const rows = this.#takeUnsavedRows()
    const open = rows.length > 0 ? this.#openAmounts() : noneOpen
    for (const row of rows) {
      const tracked = this.#byRow.get(row)
      if (tracked !== undefined) this.#collect(tracked, moment, open, changed)
    }
    return changed
  }

  merge(stored: readonly SavedAmount[]): void {
    this.#rows.exclusively(() => this.#merge(stored))
  }

  #merge(stored: readonly SavedAmount[]): void {
    this.#readLimits()
    const early = this.#early
    this.#early = []
    for (const amount of early) this.#mergeOne(amount)
    for (const amount of stored) this.#mergeOne(amount)
  }

  isOver({ window, bucket }: SavedAmount): boolean {
    const found = this.#windowOf(window)
    return found === undefined || found.leavesInMs(bucket, this.#services.now()) <= 0
  }

  reclaim(thread: number): void {
    const { cells, windows } = this.#services
    for (const { row, bucket, amount, window: index } of cells.open.take(thread)) {
      const window = windows.at(index)
      if (window !== undefined) new LimitRow(row, window, cells).change(bucket, -amount)
    }
  }

  #windowOf(name: string): Window | undefined {
    return this.#services.windows.named(name.split(' ').slice(-2).join(' '))
  }

  /** Rows that have changed since the last call. */
  #takeUnsavedRows(): number[] {
    const { amounts, unsaved } = this.#services.cells
    const rows = unsaved.take()
    if (rows.length === 0) return rows
    this.#readLimits()
    for (const row of rows) {
      if (this.#isTracked(row)) continue
      const key = this.#keyByHash().get(amounts.hashAt(row))
      const limit = key === undefined ? undefined : this.#limits.get(key)
      if (key !== undefined && limit !== undefined) this.#track(key, limit, false)
    }
    return rows
  }

  #collect(
    { limit, row, stored }: TrackedLimit,
    moment: Moment,
    open: ReadonlyMap<number, number>,
    into: SavedAmount[],
  ): void {
    const { kind, id, name: window } = limit
    // A bucket that has just ended may have changed too, and so may one that a clock ahead has begun.
    const current = limit.window.bucketAt(moment)
    const first = Math.max(0, current - limit.window.span - 1)
    for (let bucket = first; bucket <= current + 1; bucket++) {
      const held = row.find(bucket)
      const saved = stored.get(bucket) ?? 0
      if (held === undefined) {
        // The row was given back and taken again.
        if (saved > 0) row.restore(bucket, saved)
        continue
      }
      const used = held - (open.get(openKey(row.row, bucket)) ?? 0)
      if (used === saved) continue
      into.push({ kind, id, window, bucket, amount: used - saved })
      stored.set(bucket, used)
    }
    for (const bucket of stored.keys()) if (bucket < first) stored.delete(bucket)
  }

  #mergeOne(amount: SavedAmount): void {
    if (this.isOver(amount)) return
    const key = rowKey(amount.kind, amount.id, amount.window)
    const limit = this.#limits.get(key)
    const tracked = limit === undefined ? undefined : this.#track(key, limit, true)
    if (tracked === undefined) {
      const others = this.#unclaimed.get(key)?.filter(({ bucket }) => bucket !== amount.bucket) ?? []
      this.#unclaimed.set(key, [...others, amount])
      return
    }
    const { row, stored } = tracked
    const current = row.window.bucketAt(this.#services.now())
    if (amount.bucket > current) {
      this.#early.push(amount)
      return
    }
    const difference = amount.amount - (stored.get(amount.bucket) ?? 0)
    stored.set(amount.bucket, amount.amount)
    if (difference !== 0) row.restore(amount.bucket, difference)
  }

  /** @param takes whether it gets a row if it has none */
  #track(key: string, limit: SavedLimit, takes: boolean): TrackedLimit | undefined {
    const { cells } = this.#services
    const known = this.#tracked.get(key)
    const at = takes ? this.#rows.take(key, limit.window, this.#services.now()) : cells.amounts.row(key)
    if (at === undefined || known?.row.row === at) return known
    const row = new LimitRow(at, limit.window, cells)
    const tracked: TrackedLimit = { key, limit, row, stored: known?.stored ?? new Map() }
    this.#tracked.set(key, tracked)
    this.#byRow.set(at, tracked)
    // It has lost the row that it had before.
    for (const [bucket, amount] of tracked.stored) row.restore(bucket, amount)
    return tracked
  }

  /** Made at the first row of an unknown limit: there may be hundreds of thousands. */
  #keyByHash(): ReadonlyMap<number, string> {
    if (this.#hashes === undefined) {
      const { amounts } = this.#services.cells
      this.#hashes = new Map()
      for (const key of this.#limits.keys()) this.#hashes.set(amounts.hashOf(key), key)
    }
    return this.#hashes
  }

  /** Whether the limit that has a row is known. */
  #isTracked(row: number): boolean {
    const tracked = this.#byRow.get(row)
    if (tracked === undefined) return false
    if (this.#services.cells.amounts.row(tracked.key) === row) return true
    this.#byRow.delete(row)
    return false
  }

  /** Reads which limits there are, and takes over what the store has of new ones. */
  #readLimits(): void {
    if (!this.#isStale) return
    this.#isStale = false
    const limits = new Map<string, SavedLimit>()
    const add = (kind: SubjectKind, id: string, set: Limits | undefined): void => {
      if (set === undefined) return
      for (const spec of limitSpecs(set, this.#services.windows)) {
        const name = limitName(spec)
        if (spec.window.isSaved) limits.set(rowKey(kind, id, name), { kind, id, name, window: spec.window })
      }
    }
    const { keys, teams, owners } = this.#services.content()
    for (const { id, limits: set } of keys) add('key', id, set)
    for (const { name, limits: set } of teams) add('team', name, set)
    for (const { name, limits: set } of owners) add('owner', name, set)
    this.#limits = limits
    this.#hashes = undefined
    for (const [key, amounts] of this.#unclaimed) {
      if (!limits.has(key)) continue
      this.#unclaimed.delete(key)
      for (const amount of amounts) this.#mergeOne(amount)
    }
  }

  #openAmounts(): ReadonlyMap<number, number> {
    const { open } = this.#services.cells
    const sums = new Map<number, number>()
    for (let thread = 0; thread < open.threads; thread++) {
      for (const { row, bucket, amount } of open.of(thread)) {
        const key = openKey(row, bucket)
        sums.set(key, (sums.get(key) ?? 0) + amount)
      }
    }
    return sums
  }
}

const noneOpen: ReadonlyMap<number, number> = new Map()

/** Buckets are numbered from the epoch; those of an hour's twelfth are the most. */
function openKey(row: number, bucket: number): number {
  return row * 2 ** 27 + (bucket % 2 ** 27)
}
