import { type RequestOutcome, requestOutcomes } from '../../proxy/contract/outcome.ts'

/** Statuses with their own column; all others share their class's column, and `none` means no answer. */
export const countedStatuses = [
  'none',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  '200',
  '201',
  '204',
  '206',
  '301',
  '302',
  '304',
  '307',
  '308',
  '400',
  '401',
  '402',
  '403',
  '404',
  '405',
  '406',
  '408',
  '409',
  '410',
  '411',
  '413',
  '414',
  '415',
  '416',
  '417',
  '421',
  '422',
  '424',
  '425',
  '426',
  '428',
  '429',
  '431',
  '499',
  '500',
  '501',
  '502',
  '503',
  '504',
  '507',
  '529',
] as const
export type CountedStatus = (typeof countedStatuses)[number]

export type StatusColumn = `${RequestOutcome} ${CountedStatus}`

export const statusColumns = requestOutcomes.flatMap((outcome) =>
  countedStatuses.map((status): StatusColumn => `${outcome} ${status}`),
)

/** Index into `countedStatuses` by HTTP status; `none` has index 0. */
const statusIndex = Uint8Array.from({ length: 600 }, (_, status) => indexOf(status))

/** Returns the column of `StatsCells.statuses` for an outcome and status. */
export function statusColumn(outcome: RequestOutcome, status: number | undefined): number {
  return requestOutcomes.indexOf(outcome) * countedStatuses.length + (statusIndex[status ?? 0] ?? 0)
}

function indexOf(status: number): number {
  const names: readonly string[] = countedStatuses
  const own = names.indexOf(String(status))
  return own >= 0 ? own : Math.max(0, names.indexOf(`${Math.floor(status / 100)}xx`))
}
