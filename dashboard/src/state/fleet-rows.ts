import type { EndpointRow, ModelsView } from '../api/types.ts'

export interface FleetFilter {
  /** Part of a name, type, address, state or model. */
  readonly search: string
  /** A status, `trouble` or empty for all. */
  readonly state: string
  /** Empty for all. */
  readonly type: string
}

const ranks: Partial<Record<EndpointRow['status'], number>> = {
  offline: 0,
  unhealthy: 1,
  unknown: 4,
  healthy: 6,
}
const otherRank = 5

/** Position in the order of trouble: 0 is the worst, 6 is none. */
export function troubleRank({ status, breaker }: Pick<EndpointRow, 'status' | 'breaker'>): number {
  const rank = ranks[status] ?? otherRank
  const circuit = breaker.state === 'open' ? 2 : breaker.state === 'closed' ? rank : 3
  return Math.min(rank, circuit)
}

/** @param models lower-case names of models by endpoint */
export function filterFleet(
  rows: readonly EndpointRow[],
  { search, state, type }: FleetFilter,
  models: ReadonlyMap<string, readonly string[]>,
): EndpointRow[] {
  const wanted = search.trim().toLowerCase()
  return rows.filter((row) => {
    if (state === 'trouble' ? troubleRank(row) > 4 : state !== '' && row.status !== state) return false
    if (type !== '' && row.type !== type) return false
    const texts = [row.name, row.type, row.url, row.status]
    return (
      wanted === '' ||
      texts.some((text) => text.toLowerCase().includes(wanted)) ||
      (models.get(row.name)?.some((name) => name.includes(wanted)) ?? false)
    )
  })
}

/** Lower-case names of models by endpoint. */
export function modelNames(models: ModelsView | undefined): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const { models: items } of models?.model_groups ?? []) {
    for (const { name, endpoints } of items) {
      const lower = name.toLowerCase()
      for (const endpoint of endpoints) {
        const known = names.get(endpoint)
        if (known === undefined) names.set(endpoint, [lower])
        else known.push(lower)
      }
    }
  }
  return names
}

/** Distinct values with their numbers, most frequent first. */
export function countedValues(values: readonly string[]): [value: string, count: number][] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
}
