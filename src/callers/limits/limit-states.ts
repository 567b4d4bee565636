import { setImmediate } from 'node:timers/promises'
import type { LimitSums, SummedLimits } from '../../cluster/contract/limit-sums.ts'
import type { Limits } from '../../config/schema/callers-schema.ts'
import type { SubjectKind } from '../contract/records.ts'
import type { DirectoryChange } from '../directory/directory-data.ts'
import { moneyUnit } from '../prices/price-table.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import {
  type LimitSpec,
  type LimitWindows,
  limitName,
  limitSpecs,
  rowKey,
  sharedLimitName,
  sharedSlotsName,
  slotsName,
} from './limit-plan.ts'
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
  /** Whether the amounts are those of all replicas. */
  readonly isShared: boolean
}

export interface LimitStateServices {
  readonly cells: CallerLimitCells
  readonly windows: LimitWindows
  readonly now: () => Moment
  readonly content: () => Pick<DirectoryChange, 'keys' | 'teams' | 'owners'>
  /** Asks what all replicas use; undefined for a gateway alone. @returns undefined if that is not known now */
  readonly shared?: ((asked: SummedLimits) => Promise<LimitSums | undefined>) | undefined
}

/** What is read of the limits of one subject. */
interface ReadSubject {
  readonly subject: LimitSubject
  readonly set: Limits
  readonly specs: readonly LimitSpec[]
  /** Place of its limits and slots among those that are read together. */
  readonly limitsAt: number
  readonly slotsAt: number
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
    const reservations = this.#reservations()
    let found: (readonly [LimitSubject, Limits])[] = []
    let count = 0
    for (const [subject, limits] of this.#subjects()) {
      if (limits !== undefined && accepts(subject)) found.push([subject, limits])
      if (++count % subjectsPerTurn !== 0) continue
      yield* await this.#readAll(found, reservations)
      found = []
      await setImmediate()
    }
    yield* await this.#readAll(found, reservations)
  }

  async #readAll(
    found: readonly (readonly [LimitSubject, Limits])[],
    reservations: Reservations,
  ): Promise<SubjectLimits[]> {
    const { windows, now, shared } = this.#services
    const moment = now()
    const asked: { limits: SummedLimits['limits'][number][]; slots: string[] } = { limits: [], slots: [] }
    const read = found.map(([subject, set]): ReadSubject => {
      const specs = limitSpecs(set, windows)
      const limitsAt = asked.limits.length
      const slotsAt = asked.slots.length
      if (shared !== undefined) {
        for (const spec of specs) asked.limits.push(summedLimit(subject, spec, moment))
        if (set.max_concurrent > 0) asked.slots.push(sharedSlotsName(subject.kind, subject.id))
      }
      return { subject, set, specs, limitsAt, slotsAt }
    })
    const isAsked = asked.limits.length + asked.slots.length > 0
    const used = isAsked ? await shared?.(asked) : undefined
    return read.map((each) => this.#read(each, used, reservations)).filter(({ limits }) => limits.length > 0)
  }

  *#subjects(): Generator<readonly [LimitSubject, Limits | undefined]> {
    const { keys, teams, owners } = this.#services.content()
    for (const { id, name, owner, team, limits } of keys)
      yield [{ kind: 'key', id, name, owner, team }, limits]
    const unowned = { owner: undefined, team: undefined }
    for (const { name, limits } of owners) yield [{ kind: 'owner', id: name, name, ...unowned }, limits]
    for (const { name, limits } of teams) yield [{ kind: 'team', id: name, name, ...unowned }, limits]
  }

  #read(
    { subject, set, specs, limitsAt, slotsAt }: ReadSubject,
    shared: LimitSums | undefined,
    reservations: Reservations,
  ): SubjectLimits {
    const moment = this.#services.now()
    const limits = specs.map((spec, at) =>
      this.#stateOf(subject, spec, moment, reservations, shared?.limits[limitsAt + at]),
    )
    if (set.max_concurrent > 0)
      limits.push(this.#slots(subject, set.max_concurrent, moment, shared?.slots[slotsAt]))
    const sum = (period: keyof Refusals) => limits.reduce((all, { refusals }) => all + refusals[period], 0)
    return {
      ...subject,
      share: limits.reduce((most, { share }) => Math.max(most, share), 0),
      refusals: { hour: sum('hour'), day: sum('day') },
      limits,
      isShared: shared !== undefined,
    }
  }

  /** @param shared what all replicas have used; undefined if that is not known */
  #stateOf(
    { kind, id }: LimitSubject,
    spec: LimitSpec,
    moment: Moment,
    reservations: Reservations,
    shared = 0,
  ): LimitState {
    const { cells } = this.#services
    const { counted, window } = spec
    const key = rowKey(kind, id, limitName(spec))
    const index = cells.amounts.row(key)
    const row = index === undefined ? undefined : new LimitRow(index, window, cells)
    const current = window.bucketAt(moment)
    const own = row?.sum(current) ?? 0
    // If the server has lost amounts, this replica still knows its own.
    const used = Math.max(own, shared)
    const scale = counted === 'money' ? moneyUnit : 1
    const resetsAtMs =
      row !== undefined && own > 0
        ? resetOf(row, current, moment)
        : used > 0
          ? atOf(moment, window.leavesInMs(current, moment))
          : undefined
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
      resetsAtMs,
      refusals: this.#refusals.read(key, moment),
    }
  }

  #slots({ kind, id }: LimitSubject, limit: number, moment: Moment, shared = 0): LimitState {
    const { cells } = this.#services
    const key = rowKey(kind, id, slotsName)
    const row = cells.amounts.row(key)
    const used = Math.max(row === undefined ? 0 : cells.slots.value(row), shared)
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
  return atOf(moment, window.leavesInMs(newest, moment))
}

/** @returns undefined if it never comes */
function atOf({ wallMs }: Moment, inMs: number): number | undefined {
  return Number.isFinite(inMs) ? Math.round(wallMs + inMs) : undefined
}

function summedLimit({ kind, id }: LimitSubject, spec: LimitSpec, moment: Moment) {
  const { span, bucketMs } = spec.window
  return {
    key: sharedLimitName(kind, id, limitName(spec)),
    bucketMs,
    span,
    bucket: spec.window.bucketAt(moment),
  }
}

function fieldOf({ isBudget, counted, window }: LimitSpec): string {
  if (isBudget) return 'budgets'
  const period = window.name.startsWith('minute') ? 'minute' : 'day'
  return counted === 'requests' ? `requests_per_${period}` : `tokens_per_${period}.${counted}`
}
