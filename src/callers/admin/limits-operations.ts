import { isDeepStrictEqual } from 'node:util'
import type { LimitStates, LimitSubject, SubjectLimits } from '../limits/limit-states.ts'
import type { LimitOrder, LimitsQuery } from './limits-query.ts'
import type { OperationHandlers } from './operations.ts'

/** What a list is ordered by: smaller ones first. */
type Rank = readonly [value: number, name: string, kind: string, id: string]

/** The operation that reads how much of the limits is used. It runs on the control thread. */
export function limitsOperations(states: Pick<LimitStates, 'read'>): Pick<OperationHandlers, 'limits'> {
  return {
    async limits(query) {
      const { order, limit } = query
      const after = query.after === undefined ? undefined : rankFrom(query.after)
      const subjects = new Set(query.subjects)
      let found: SubjectLimits[] = []
      let total = 0
      const sort = () => found.sort((a, b) => compare(rankOf(a, order), rankOf(b, order)))
      for await (const subject of states.read((each) => accepts(query, subjects, each))) {
        if (subject.share < query.minShare || (query.isRefused && subject.refusals.day === 0)) continue
        total++
        if (after !== undefined && compare(rankOf(subject, order), after) <= 0) continue
        found.push(subject)
        // Only one page is kept, of however many subjects.
        if (found.length >= 2 * limit + minSorted) found = sort().slice(0, limit + 1)
      }
      const items = sort().slice(0, limit)
      const last = items.at(-1)
      const next =
        found.length > limit && last !== undefined ? JSON.stringify(rankOf(last, order)) : undefined
      return { items, next, total }
    },
  }
}

const minSorted = 1_000

function accepts(
  { kind, search, owner, team }: LimitsQuery,
  subjects: ReadonlySet<string>,
  each: LimitSubject,
): boolean {
  return (
    (kind === undefined || each.kind === kind) &&
    (subjects.size === 0 || subjects.has(each.id) || subjects.has(each.name)) &&
    (search === undefined || each.name.toLowerCase().includes(search)) &&
    (owner === undefined || each.owner === owner) &&
    (team === undefined || each.team === team)
  )
}

function rankOf({ share, refusals, name, kind, id }: SubjectLimits, order: LimitOrder): Rank {
  const value = order === 'share' ? -share : order === 'refused' ? -refusals.day : 0
  return [value, name, kind, id]
}

/** @returns undefined if a client has changed it: then the first page is shown */
function rankFrom(text: string): Rank | undefined {
  try {
    const read: unknown = JSON.parse(text)
    if (!Array.isArray(read)) return undefined
    const [value, name, kind, id]: unknown[] = read
    const rank: Rank = [Number(value), String(name), String(kind), String(id)]
    return isDeepStrictEqual(rank, read) ? rank : undefined
  } catch {
    return undefined
  }
}

function compare(a: Rank, b: Rank): number {
  for (const at of [0, 1, 2, 3] as const) {
    if (a[at] < b[at]) return -1
    if (a[at] > b[at]) return 1
  }
  return 0
}
