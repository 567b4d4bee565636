import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { KnownCaller } from '../directory/known-caller.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { AmountRows } from './amount-cells.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { shownKinds } from './limit-headers.ts'
import { LimitRow, type LimitRows } from './limit-row.ts'
import { LimitWindows, type Moment, type Window } from './window.ts'

export { LimitWindows }

/** What limits count. */
export const countedKinds = ['requests', 'prompt', 'completion', 'total', 'money'] as const
export type Counted = (typeof countedKinds)[number]

/** A limit of a subject, before it has cells. */
export interface LimitSpec {
  readonly counted: Counted
  readonly window: Window
  /** In what is counted; money in `moneyUnit`s. */
  readonly limit: number
  /** From this on, a warning is given; infinite if never. */
  readonly warnAt: number
  readonly isBudget: boolean
}

/** A limit that applies to a caller, with its cells. */
export interface CallerLimit extends LimitSpec {
  readonly kind: SubjectKind
  /** The ID of a key; the name of an owner or team. */
  readonly id: string
  readonly row: LimitRow
  /** Place of what it counts in `countedKinds`. */
  readonly countedAt: number
  /** Place in the headers; -1 if they do not show it. */
  readonly shownAt: number
  /** Place of its window among those of the plan. */
  readonly windowAt: number
}

export interface SlotLimit {
  readonly kind: SubjectKind
  readonly id: string
  readonly row: number
  readonly limit: number
}

/** All limits that apply to the requests of a caller. */
export interface LimitPlan {
  readonly limits: readonly CallerLimit[]
  readonly slots: readonly SlotLimit[]
  /** The same limits, for one pass over their cells. */
  readonly cells: AmountRows
  /** Index of the window of each limit; -1 for requests, which stay counted if a thread ends. */
  readonly notedAs: Int32Array
  /** Places of the limits that headers show, that may warn, and whose amounts are saved. */
  readonly shown: Int32Array
  readonly warning: Int32Array
  readonly saved: Int32Array
  /** The windows of the limits, each once. */
  readonly windows: readonly Window[]
  /** Rows that it holds. */
  readonly held: readonly number[]
  /** Whether there are no cells left for one of the limits. */
  readonly isIncomplete: boolean
  readonly countsTokens: boolean
  readonly countsMoney: boolean
}

/** The name of what is counted over a window: unique for a subject. */
export function limitName({ counted, window, isBudget }: LimitSpec): string {
  return `${isBudget ? 'budget' : 'rate'} ${counted} ${window.name}`
}

/** The limits that a record of a key, owner or team sets, each name once. */
export function limitSpecs(limits: Limits, windows: LimitWindows): LimitSpec[] {
  const specs = new Map<string, LimitSpec>()
  const put = (spec: LimitSpec): void => {
    if (!(spec.limit > 0)) return
    const name = limitName(spec)
    const other = specs.get(name)
    if (other === undefined || spec.limit < other.limit) specs.set(name, spec)
  }
  const minute = windows.rolling('minute')
  const rate = (counted: Counted, window: Window, limit: number): void =>
    put({ counted, window, limit, warnAt: warnAtOf(limits.soft, limit), isBudget: false })
  rate('requests', minute, limits.requests_per_minute)
  for (const [window, tokens] of [
    [minute, limits.tokens_per_minute],
    [windows.rolling('day'), limits.tokens_per_day],
  ] as const) {
    rate('prompt', window, tokens.prompt)
    rate('completion', window, tokens.completion)
    rate('total', window, tokens.total)
  }
  for (const { amount, unit, period, window, soft } of limits.budgets) {
    const limit = unit === 'money' ? Math.floor(amount / moneyUnit + 1e-6) : Math.floor(amount)
    put({
      counted: unit === 'money' ? 'money' : 'total',
      window: window === 'rolling' && period !== 'ever' ? windows.rolling(period) : windows.calendar(period),
      limit,
      warnAt: warnAtOf(soft, limit),
      isBudget: true,
    })
  }
  return [...specs.values()]
}

/** @param soft share at which a limit warns; 0 is never */
function warnAtOf(soft: number, limit: number): number {
  return soft > 0 ? soft * limit : Number.POSITIVE_INFINITY
}

/** The name of the limit of requests at a time. */
export const slotsName = 'slots'

/** The key of a limit's row. */
export function rowKey(kind: SubjectKind, id: string, name: string): string {
  return `${kind}\n${id}\n${name}`
}

/** The name of a limit among replicas. */
export function sharedLimitName(kind: SubjectKind, id: string, name: string): string {
  return `${kind}:${id}:${name}`
}

/** The name of requests at a time among replicas. */
export function sharedSlotsName(kind: SubjectKind, id: string): string {
  return `${kind}:${id}`
}

/** Headers show what is left of the limits per minute. */
function shownAt({ counted, window }: LimitSpec): number {
  return window.isSaved || counted === 'money' ? -1 : shownKinds.indexOf(counted)
}

/** Makes the plan of a caller, and holds its rows. @returns undefined if nothing limits the caller */
export function limitPlan(
  { subjects }: KnownCaller,
  windows: LimitWindows,
  cells: CallerLimitCells,
  rows: LimitRows,
  moment: Moment,
): LimitPlan | undefined {
  if (subjects.every(({ limits }) => limits === undefined)) return undefined
  const limits: CallerLimit[] = []
  const slots: SlotLimit[] = []
  const used: Window[] = []
  const held: number[] = []
  let isIncomplete = false
  const hold = (key: string, window: Window | undefined): number | undefined => {
    const row = rows.take(key, window, moment)
    if (row === undefined) {
      isIncomplete = true
      return undefined
    }
    rows.hold(row)
    held.push(row)
    return row
  }
  rows.exclusively(() => {
    for (const { kind, id, limits: set } of subjects) {
      if (set === undefined) continue
      for (const spec of limitSpecs(set, windows)) {
        const row = hold(rowKey(kind, id, limitName(spec)), spec.window)
        if (row === undefined) continue
        if (!used.includes(spec.window)) used.push(spec.window)
        limits.push({
          ...spec,
          kind,
          id,
          row: new LimitRow(row, spec.window, cells),
          countedAt: countedKinds.indexOf(spec.counted),
          shownAt: shownAt(spec),
          windowAt: used.indexOf(spec.window),
        })
      }
      if (set.max_concurrent === 0) continue
      const row = hold(rowKey(kind, id, slotsName), undefined)
      if (row !== undefined) slots.push({ kind, id, row, limit: set.max_concurrent })
    }
  })
  if (limits.length + slots.length === 0 && !isIncomplete) return undefined
  const places = (accepts: (limit: CallerLimit) => boolean) =>
    Int32Array.from(limits.flatMap((limit, at) => (accepts(limit) ? [at] : [])))
  return {
    limits,
    slots,
    cells: {
      rows: Int32Array.from(limits, ({ row }) => row.row),
      spans: Int32Array.from(limits, ({ window }) => window.span),
      limits: Float64Array.from(limits, ({ limit }) => limit),
      amountsAt: Int32Array.from(limits, ({ countedAt }) => countedAt),
      bucketsAt: Int32Array.from(limits, ({ windowAt }) => windowAt),
    },
    notedAs: Int32Array.from(limits, ({ counted, window }) => (counted === 'requests' ? -1 : window.index)),
    shown: places(({ shownAt: at }) => at >= 0),
    warning: places(({ warnAt }) => Number.isFinite(warnAt)),
    saved: places(({ window }) => window.isSaved),
    windows: used,
    held,
    isIncomplete,
    countsTokens: limits.some(({ counted }) => counted !== 'requests'),
    countsMoney: limits.some(({ counted }) => counted === 'money'),
  }
}
