import { setImmediate } from 'node:timers/promises'
import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { DirectoryChange } from '../directory/directory-data.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { type LimitSpec, type LimitWindows, limitName, limitSpecs, rowKey, slotsName } from './limit-plan.ts'
import { LimitRow } from './limit-row.ts'
import { RefusalCounts, type Refusals } from './refusal-counts.ts'
import type { Moment, Window } from './window.ts'

/** A limit and how much of it is used now. */
export interface LimitState {
  /** As in `limits`: `requests_per_minute`, `tokens_per_day.total`, `max_concurrent`, `budgets`. */
  readonly field: string
  readonly counted: LimitSpec['counted'] | 'concurrent'
  /** `month calendar`; empty for requests at a time. */
  readonly window: string
  /** Tokens, requests or money. */
  readonly limit: number
  /** Includes what is reserved. */
  readonly used: number
  /** For requests in flight, until their use is known. */
  readonly reserved: number
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

  /** What requests in flight have reserved of each row and bucket. */
  #reservations(): Reservations {
    const { open } = this.#services.cells
    const found: Reservations = new Map()
    for (let thread = 0; thread < open.threads; thread++) {
      for (const { row, bucket, amount } of open.of(thread)) {
        const key = reservationKey(row, bucket)
        found.set(key, (found.get(key) ?? 0) + amount)
      }
    }
    return found
  }

  /** Reads the subjects with limits that a filter accepts; other work of the thread runs in between. */
  async *read(accepts: (subject: LimitSubject) => boolean): AsyncGenerator<SubjectLimits> {
    let count = 0
    const reservations = this.#reservations()
    for (const [subject, limits] of this.#subjects()) {
      if (++count % subjectsPerTurn === 0) await setImmediate()
      if (limits === undefined || !accepts(subject)) continue
      const state = this.#read(subject, limits, reservations)
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

  #read(subject: LimitSubject, set: Limits, reservations: Reservations): SubjectLimits {
    const { windows, now } = this.#services
    const moment = now()
    const limits = limitSpecs(set, windows).map((spec) => this.#stateOf(subject, spec, moment, reservations))
    if (set.max_concurrent > 0) limits.push(this.#slots(subject, set.max_concurrent, moment))
    const sum = (period: keyof Refusals) => limits.reduce((all, { refusals }) => all + refusals[period], 0)
    return {
      ...subject,
      share: limits.reduce((most, { share }) => Math.max(most, share), 0),
      refusals: { hour: sum('hour'), day: sum('day') },
      limits,
    }
  }

  #stateOf(
    { kind, id }: LimitSubject,
    spec: LimitSpec,
    moment: Moment,
    reservations: Reservations,
  ): LimitState {
    const { cells } = this.#services
    const { counted, window } = spec
    const key = rowKey(kind, id, limitName(spec))
    const index = cells.amounts.row(key)
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
      reserved: index === undefined ? 0 : reservedOf(reservations, index, window, current) * scale,
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
    const row = cells.amounts.row(key)
    const used = row === undefined ? 0 : cells.slots.value(row)
    return {
      field: 'max_concurrent',
      counted: 'concurrent',
      window: '',
      limit,
      used,
      reserved: 0,
      remaining: Math.max(0, limit - used),
      share: used / limit,
      soft: 0,
      resetsAtMs: undefined,
      refusals: this.#refusals.read(key, moment),
    }
  }
}

/** Amounts by row and bucket. */
type Reservations = Map<string, number>

const reservationKey = (row: number, bucket: number) => `${row} ${bucket}`

function reservedOf(reservations: Reservations, row: number, { span }: Window, current: number): number {
  if (reservations.size === 0) return 0
  let sum = 0
  for (let bucket = Math.max(0, current - span); bucket <= current; bucket++)
    sum += reservations.get(reservationKey(row, bucket)) ?? 0
  return sum
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
