import type { RoutedEndpoint, Tier } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'

/** Candidates of one tier and priority: an attempt at each group comes before further ones in the same. */
export function groupOf(at: number, { endpoint }: RoutedEndpoint): string {
  return `${at} ${endpoint.priority}`
}

/** The candidates of all tiers whose endpoints are in these slots. */
export function candidatesAt(tiers: readonly Tier[], slots: ReadonlySet<number>): RoutedEndpoint[] {
  return tiers.flatMap(({ candidates }) => candidates.filter(({ endpoint }) => slots.has(endpoint.slot)))
}

/** Candidates of one tier and priority. */
export interface CandidateGroup {
  /** Position of the tier. */
  readonly at: number
  readonly candidates: RoutedEndpoint[]
}

/** Candidates that can take a request, by tier and priority, without groups in which one failed. */
export function untriedGroups(
  tiers: readonly Tier[],
  failed: ReadonlySet<string> | undefined,
  load: Pick<LiveLoad, 'admits'>,
): Map<string, CandidateGroup> {
  const groups = new Map<string, CandidateGroup>()
  for (const [at, { candidates }] of tiers.entries()) {
    for (const candidate of candidates) {
      const group = groupOf(at, candidate)
      if (failed?.has(group) === true || !load.admits(candidate)) continue
      const known = groups.get(group)
      if (known === undefined) groups.set(group, { at, candidates: [candidate] })
      else known.candidates.push(candidate)
    }
  }
  return groups
}
