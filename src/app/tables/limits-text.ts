import { isRecord } from '../../config/file/decode.ts'
import { columns } from './columns.ts'

const head = ['LIMIT', 'USED', 'OF', 'SHARE', 'RESETS', 'REFUSED 1H', '24H']
const right = [false, true, true, true, false, true, true]

/** The limits of one subject and how much of them is used, in columns; empty without limits. */
export function limitTable(limits: readonly unknown[]): string {
  const rows = limits.filter(isRecord).map(cells)
  return rows.length === 0 ? '' : columns([head, ...rows], right)
}

/** The limits of several subjects. */
export function subjectsTable(subjects: readonly unknown[]): string {
  const rows = subjects.filter(isRecord).flatMap(({ kind, name, limits }) => {
    const own = (Array.isArray(limits) ? limits.filter(isRecord) : []).toSorted(
      (a, b) => Number(b.share) - Number(a.share),
    )
    return own.map((limit) => [String(kind), String(name), ...cells(limit)])
  })
  if (rows.length === 0) return 'no limits\n'
  return columns([['KIND', 'NAME', ...head], ...rows], [false, false, ...right])
}

function cells(limit: Readonly<Record<string, unknown>>): string[] {
  const { used, limit: of, share, resets_at: resets } = limit
  return [
    nameOf(limit),
    amount(used),
    amount(of),
    `${Math.floor(Number(share) * 100)}%`,
    typeof resets === 'string' ? resets : '-',
    String(limit.refused_hour),
    String(limit.refused_day),
  ]
}

function nameOf({ field, counted, window }: Readonly<Record<string, unknown>>): string {
  if (field !== 'budgets') return String(field)
  return `budget ${counted === 'money' ? 'money' : 'tokens'} ${String(window)}`
}

function amount(value: unknown): string {
  const number = Number(value)
  return Number.isInteger(number) ? String(number) : number >= 1 ? number.toFixed(2) : number.toPrecision(3)
}
