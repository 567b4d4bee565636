import { isRecord } from '../../config/file/decode.ts'
import { columns } from './columns.ts'

type Row = Readonly<Record<string, unknown>>

const counts: readonly (readonly [title: string, value: (row: Row) => string])[] = [
  ['REQUESTS', (row) => String(row.requests)],
  ['FAILED', (row) => String(numberAt(row, 'client_errors') + numberAt(row, 'upstream_errors'))],
  ['CANCELLED', (row) => String(row.cancelled)],
  ['REFUSED', (row) => String(row.refused)],
  ['PROMPT', (row) => String(row.prompt_tokens)],
  ['CACHED', (row) => String(row.cached_tokens)],
  ['COMPLETION', (row) => String(row.completion_tokens)],
  ['COST', (row) => (isUnpriced(row) ? '-' : costText(numberAt(row, 'cost')))],
]

/**
 * What callers have used, in columns, with the sum below.
 * @param sort the column with the most first; undefined keeps the order of time and names
 */
export function usageTable(
  usage: readonly unknown[],
  total: unknown,
  by: readonly string[],
  sort: string | undefined,
): string {
  if (usage.length === 0) return 'no usage\n'
  const rows = usage.filter(isRecord)
  if (sort !== undefined) rows.sort((a, b) => measure(b, sort) - measure(a, sort))
  const hasTime = rows.some((row) => row.at !== undefined)
  const head = [...(hasTime ? ['TIME'] : []), ...by.map((name) => name.toUpperCase())]
  const lines = rows.map((row) => [
    ...(hasTime ? [String(row.at)] : []),
    ...by.map((name) => (row[name] === '' ? '-' : String(row[name] ?? '-'))),
    ...counts.map(([, value]) => value(row)),
  ])
  if (isRecord(total) && rows.length > 1) {
    const names = head.map((_, at) => (at === 0 ? 'total' : ''))
    lines.push([...names, ...counts.map(([, value]) => value(total))])
  }
  const all = [[...head, ...counts.map(([title]) => title)], ...lines]
  const isRight = [...head.map(() => false), ...counts.map(() => true)]
  return columns(all, isRight)
}

/** Without a price for any of it, the cost is unknown, not nothing. */
function isUnpriced(row: Row): boolean {
  const unpriced = numberAt(row, 'unpriced')
  return unpriced > 0 && unpriced === numberAt(row, 'requests') && numberAt(row, 'cost') === 0
}

function measure(row: Row, sort: string): number {
  if (sort === 'tokens') return numberAt(row, 'prompt_tokens') + numberAt(row, 'completion_tokens')
  return numberAt(row, sort)
}

function numberAt(row: Row, name: string): number {
  const value = row[name]
  return typeof value === 'number' ? value : 0
}

/** Two digits, or as many as a small amount needs. */
function costText(cost: number): string {
  return cost === 0 ? '0' : cost >= 1 ? cost.toFixed(2) : cost.toPrecision(3)
}
