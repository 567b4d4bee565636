import type { RoutedEndpoint, Tier } from '../../routing/models/routing.ts'

/** Candidates of one tier and priority: an attempt at each group comes before further ones in the same. */
export function groupOf(at: number, { endpoint }: RoutedEndpoint): string {
  return `${at} ${endpoint.priority}`
}

/** The candidates of all tiers whose endpoints are in these slots. */
export function candidatesAt(tiers: readonly Tier[], slots: ReadonlySet<number>): RoutedEndpoint[] {
  return tiers.flatMap(({ candidates }) => candidates.filter(({ endpoint }) => slots.has(endpoint.slot)))
}
