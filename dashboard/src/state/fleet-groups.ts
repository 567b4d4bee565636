import type { EndpointRow } from '../api/types.ts'
import { troubleRank } from './fleet-rows.ts'

export type Grouping = 'type' | 'tag' | 'status' | 'priority'

export interface FleetGroup {
  readonly name: string
  /** Worst first. */
  readonly rows: readonly EndpointRow[]
  /** Endpoints in trouble. */
  readonly troubled: number
  readonly inFlight: number
}

/** Ranks above this one are no trouble: an endpoint that was not probed yet is. */
const lastTroubleRank = 4
export const isTroubled = (row: Pick<EndpointRow, 'status' | 'breaker'>) =>
  troubleRank(row) <= lastTroubleRank

/**
 * Groups of endpoints: those with trouble first, then in order of name. An endpoint is in the group of each of its tags.
 */
export function fleetGroups(rows: readonly EndpointRow[], grouping: Grouping): FleetGroup[] {
  const groups = new Map<string, { row: EndpointRow; rank: number }[]>()
  for (const row of rows) {
    const ranked = { row, rank: troubleRank(row) }
    for (const name of namesOf(row, grouping)) {
      const known = groups.get(name)
      if (known === undefined) groups.set(name, [ranked])
      else known.push(ranked)
    }
  }
  return [...groups]
    .map(([name, ranked]) => ({
      name,
      rows: ranked.sort((a, b) => a.rank - b.rank || order(a.row.name, b.row.name)).map(({ row }) => row),
      troubled: ranked.filter(({ rank }) => rank <= lastTroubleRank).length,
      inFlight: ranked.reduce((sum, { row }) => sum + row.in_flight, 0),
    }))
    .sort((a, b) => b.troubled - a.troubled || order(a.name, b.name))
}

function namesOf(row: EndpointRow, grouping: Grouping): readonly string[] {
  switch (grouping) {
    case 'type':
      return [row.profile ?? row.type]
    case 'tag':
      return row.tags === undefined || row.tags.length === 0 ? ['without a tag'] : row.tags
    case 'status':
      return [row.status.replaceAll('_', ' ')]
    case 'priority':
      return [`priority ${row.priority}`]
  }
}

const collator = new Intl.Collator(undefined, { numeric: true })

function order(a: string, b: string): number {
  return collator.compare(a, b)
}
