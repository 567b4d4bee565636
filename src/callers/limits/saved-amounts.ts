import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { DirectoryChange } from '../directory/directory-data.ts'
import type { CallerAmounts, SavedAmount } from './contract.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { type LimitSpec, type LimitWindows, limitName, limitSpecs, rowKey } from './limit-plan.ts'
import { LimitRow } from './limit-row.ts'
import type { Moment } from './window.ts'

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
  readonly spec: LimitSpec
  /** Undefined until a request needs it. */
  row: LimitRow | undefined
}

/** Finds the amounts that outlive the process, for all subjects of a directory. */
export class SavedAmounts implements CallerAmounts {
  readonly #services: SavedAmountsServices
  #limits: readonly SavedLimit[] | undefined

  constructor(services: SavedAmountsServices) {
    this.#services = services
  }

  /** The directory has changed. */
  forget(): void {
    this.#limits = undefined
  }

  changed(): SavedAmount[] {
    const { cells, now } = this.#services
    const moment = now()
    const saved: SavedAmount[] = []
    for (const limit of this.#all()) {
      const row = this.#rowOf(limit, false)
      if (row === undefined || Atomics.exchange(cells.unsaved, row.row, 0) === 0) continue
      const { kind, id, name, spec } = limit
      // A bucket that has just ended may have changed too, and so may one that a clock ahead has begun.
      const current = spec.window.bucketAt(moment)
      for (let bucket = Math.max(0, current - spec.window.span - 1); bucket <= current + 1; bucket++) {
        const amount = row.read(bucket)
        if (amount > 0) saved.push({ kind, id, window: name, bucket, amount })
      }
    }
    return saved
  }

  restore(saved: readonly SavedAmount[]): void {
    const limits = new Map(this.#all().map((limit) => [rowKey(limit.kind, limit.id, limit.name), limit]))
    for (const amount of saved) {
      const limit = limits.get(rowKey(amount.kind, amount.id, amount.window))
      if (limit === undefined || this.isOver(amount)) continue
      this.#rowOf(limit, true)?.restore(amount.bucket, amount.amount)
    }
  }

  isOver({ window, bucket }: SavedAmount): boolean {
    const { windows, now } = this.#services
    const found = windows.named(window.split(' ').slice(-2).join(' '))
    return found === undefined || found.leavesInMs(bucket, now()) <= 0
  }

  #rowOf(limit: SavedLimit, takes: boolean): LimitRow | undefined {
    const { cells } = this.#services
    if (limit.row === undefined) {
      const row = cells.amounts.row(rowKey(limit.kind, limit.id, limit.name), takes)
      if (row !== undefined) limit.row = new LimitRow(row, limit.spec.window, cells)
    }
    return limit.row
  }

  #all(): readonly SavedLimit[] {
    if (this.#limits !== undefined) return this.#limits
    const limits: SavedLimit[] = []
    const add = (kind: SubjectKind, id: string, set: Limits | undefined): void => {
      if (set === undefined) return
      for (const spec of limitSpecs(set, this.#services.windows)) {
        if (spec.window.isSaved) limits.push({ kind, id, name: limitName(spec), spec, row: undefined })
      }
    }
    const { keys, teams, owners } = this.#services.content()
    for (const { id, limits: set } of keys) add('key', id, set)
    for (const { name, limits: set } of teams) add('team', name, set)
    for (const { name, limits: set } of owners) add('owner', name, set)
    this.#limits = limits
    return limits
  }
}
