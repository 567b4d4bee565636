import { type CountedOutcome, countedOutcomes, countedStatuses } from '../../runtime/cells/counted.ts'

/** Index into `countedStatuses` by HTTP status; 0, `none`, is at 0. */
const statusIndex = Uint8Array.from({ length: 600 }, (_, status) => indexOf(status))

/** Where a request that ended so is counted in `GatewayCells.statuses`. */
export function statusColumn(outcome: CountedOutcome, status: number | undefined): number {
  return countedOutcomes.indexOf(outcome) * countedStatuses.length + (statusIndex[status ?? 0] ?? 0)
}

function indexOf(status: number): number {
  const names: readonly string[] = countedStatuses
  const own = names.indexOf(String(status))
  return own >= 0 ? own : Math.max(0, names.indexOf(`${Math.floor(status / 100)}xx`))
}
