import { setImmediate } from 'node:timers/promises'
import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { DirectoryChange } from '../directory/directory-data.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { type LimitSpec, type LimitWindows, limitName, limitSpecs, rowKey, slotsName } from './limit-plan.ts'
import { LimitRow } from './limit-row.ts'
import { RefusalCounts, type Refusals } from './refusal-counts.ts'
import type { Moment } from './window.ts'

/** A limit and how much of it is used now. */
export interface LimitState {
  /** As in `limits`: `requests_per_minute`, `tokens_per_day.total`, `max_concurrent`, `budgets`. */
  readonly field: string
  readonly counted: LimitSpec['counted'] | 'concurrent'
  /** `month calendar`; empty for requests at a time. */
  readonly window: string
  /** Tokens, requests or money. */
  readonly limit: number
  /** Includes what is reserved for requests in flight. */
  readonly used: number
  readonly remaining: number
  /** Used share of the limit. */
  readonly share: number
  /** Share from which it warns; 0 if it does not. */
  readonly soft: number
  /** When all that is used has left the window; undefined if nothing is used, or it never does. */
  readonly resetsAtMs: number | undefined
  readonly refusals: Refusals
}

/** A subject with limits. */
export interface SubjectLimits {
  readonly kind: SubjectKind
  /** The ID of a key; the name of an owner or team. */
  readonly id: string
  readonly name: string
  /** Of a key. */
  readonly owner: string | undefined
  readonly team: string | undefined
  /** Used share of the limit that is used up furthest. */
  readonly share: number
  readonly refusals: Refusals
  readonly limits: readonly LimitState[]
}

export interface LimitStateServices {
  readonly cells: CallerLimitCells
  readonly windows: LimitWindows
  readonly now: () => Moment
  readonly content: () => Pick<DirectoryChange, 'keys' | 'teams' | 'owners'>
}

export type LimitSubject = Pick<SubjectLimits, 'kind' | 'id' | 'name' | 'owner' | 'team'>

/** Subjects that are read before other work of the thread. */
const subjectsPerTurn = 1_000

/** Reads how much of the limits of all subjects is used now, over all threads. */
export class LimitStates {
  readonly #services: LimitStateServices
  readonly #refusals: RefusalCounts

  constructor(services: LimitStateServices) {
    this.#services = services
    this.#refusals = new RefusalCounts(services.cells)
  }

  /** Reads the subjects with limits that a filter accepts; other work of the thread runs in between. */
  async *read(accepts: (subject: LimitSubject) => boolean): AsyncGenerator<SubjectLimits> {
    let count = 0
    for (const [subject, limits] of this.#subjects()) {
      if (++count % subjectsPerTurn === 0) await setImmediate()
      if (limits === undefined || !accepts(subject)) continue
      const state = this.#read(subject, limits)
      if (state.limits.length > 0) yield state
    }
  }

  *#subjects(): Generator<readonly [LimitSubject, Limits | undefined]> {
    const { keys, teams, owners } = this.#services.content()
    for (const { id, name, owner, team, limits } of keys)
      yield [{ kind: 'key', id, name, owner, team }, limits]
    const unowned = { owner: undefined, team: undefined }
    for (const { name, limits } of owners) yield [{ kind: 'owner', id: name, name, ...unowned }, limits]
    for (const { name, limits } of teams) yield [{ kind: 'team', id: name, name, ...unowned }, limits]
  }

  #read(subject: LimitSubject, set: Limits): SubjectLimits {
    const { windows, now } = this.#services
    const moment = now()
    const limits = limitSpecs(set, windows).map((spec) => this.#stateOf(subject, spec, moment))
    if (set.max_concurrent > 0) limits.push(this.#slots(subject, set.max_concurrent, moment))
    const sum = (period: keyof Refusals) => limits.reduce((all, { refusals }) => all + refusals[period], 0)
    return {
      ...subject,
      share: limits.reduce((most, { share }) => Math.max(most, share), 0),
      refusals: { hour: sum('hour'), day: sum('day') },
      limits,
    }
  }

  #stateOf({ kind, id }: LimitSubject, spec: LimitSpec, moment: Moment): LimitState {
    const { cells } = this.#services
    const { counted, window } = spec
    const key = rowKey(kind, id, limitName(spec))
    const index = cells.amounts.row(key, false)
    const row = index === undefined ? undefined : new LimitRow(index, window, cells)
    const current = window.bucketAt(moment)
    const used = row?.sum(current) ?? 0
    const scale = counted === 'money' ? moneyUnit : 1
    return {
      field: fieldOf(spec),
      counted,
      window: window.name,
      limit: spec.limit * scale,
      used: used * scale,
      remaining: Math.max(0, spec.limit - used) * scale,
      share: used / spec.limit,
      soft: Number.isFinite(spec.warnAt) ? spec.warnAt / spec.limit : 0,
      resetsAtMs: row === undefined || used === 0 ? undefined : resetOf(row, current, moment),
      refusals: this.#refusals.read(key, moment),
    }
  }

  #slots({ kind, id }: LimitSubject, limit: number, moment: Moment): LimitState {
    const { cells } = this.#services
    const key = rowKey(kind, id, slotsName)
    const row = cells.amounts.row(key, false)
    const used = row === undefined ? 0 : cells.slots.value(row)
    return {
      field: 'max_concurrent',
      counted: 'concurrent',
      window: '',
      limit,
      used,
      remaining: Math.max(0, limit - used),
      share: used / limit,
      soft: 0,
      resetsAtMs: undefined,
      refusals: this.#refusals.read(key, moment),
    }
  }
}

/** When the newest amount leaves the window. */
function resetOf(row: LimitRow, current: number, moment: Moment): number | undefined {
  const { window } = row
  let newest = current
  while (newest > current - window.span && newest > 0 && row.read(newest) === 0) newest--
  const leavesInMs = window.leavesInMs(newest, moment)
  return Number.isFinite(leavesInMs) ? Math.round(moment.wallMs + leavesInMs) : undefined
}

function fieldOf({ isBudget, counted, window }: LimitSpec): string {
  if (isBudget) return 'budgets'
  const period = window.name.startsWith('minute') ? 'minute' : 'day'
  return counted === 'requests' ? `requests_per_${period}` : `tokens_per_${period}.${counted}`
}
