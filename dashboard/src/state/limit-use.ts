/** How near a subject is to its limits. */
import type { LimitState, SubjectLimits, UsageRow } from '../api/types.ts'
import { formatCount } from '../format/format.ts'
import { formatMoney } from './caller-texts.ts'

/** From this share on, a subject is near its limit. */
export const nearShare = 0.8

const units: Readonly<Record<LimitState['counted'], string>> = {
  requests: 'requests',
  prompt: 'prompt tokens',
  completion: 'completion tokens',
  total: 'tokens',
  money: 'money',
  concurrent: 'requests at a time',
}

/** The limit that is used up furthest; undefined without limits. */
export function nearestLimit(subject: Pick<SubjectLimits, 'limits'> | undefined): LimitState | undefined {
  return subject?.limits.reduce<LimitState | undefined>(
    (most, limit) => (most === undefined || limit.share > most.share ? limit : most),
    undefined,
  )
}

/** `900 of 1k tokens per day, rolling`. */
export function limitUseText({ used, limit, counted, window }: LimitState): string {
  const format = counted === 'money' ? formatMoney : formatCount
  return `${format(used)} of ${format(limit)} ${units[counted]}${windowText(window)}`
}

function windowText(window: string): string {
  if (window === '') return ''
  const [period = '', kind] = window.split(' ')
  if (period === 'ever') return ' in total'
  return `${kind === 'calendar' ? ' this ' : ' per '}${period}`
}

export function tokensOf(row: Pick<UsageRow, 'prompt_tokens' | 'completion_tokens'> | undefined): number {
  return row === undefined ? 0 : row.prompt_tokens + row.completion_tokens
}
