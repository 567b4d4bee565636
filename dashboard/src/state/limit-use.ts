/** How near a key or a team is to its limits, as far as the ledger shows. */
import type { Limits, UsageRow } from '../api/types.ts'
import { formatCount } from '../format/format.ts'
import { formatMoney } from './caller-texts.ts'

/** What a subject has used. */
export interface UsePeriods {
  /** In the last 24 hours. */
  readonly hours: UsageRow | undefined
  /** Since the start of the day, UTC. */
  readonly day: UsageRow | undefined
  /** Since the start of the month, UTC. */
  readonly month: UsageRow | undefined
}

export interface LimitUse {
  /** Used share of the limit; can be over 1. */
  readonly share: number
  readonly text: string
}

const inHours = 'in 24 hours'

/** From this share on, a subject is near its limit. */
export const nearShare = 0.8

/**
 * The limit that is used up furthest, of tokens per day and budgets of a day or a calendar month. Rates per minute and
 * concurrency change too fast to show.
 */
export function nearestLimit(limits: Limits, { hours, day, month }: UsePeriods): LimitUse | undefined {
  const uses: LimitUse[] = []
  const add = (used: number, limit: number, unit: string, period: string, format = formatCount) => {
    if (limit > 0)
      uses.push({ share: used / limit, text: `${format(used)} of ${format(limit)} ${unit} ${period}` })
  }
  const { prompt, completion, total } = limits.tokens_per_day
  add(tokensOf(hours), total, 'tokens', inHours)
  add(hours?.prompt_tokens ?? 0, prompt, 'prompt tokens', inHours)
  add(hours?.completion_tokens ?? 0, completion, 'completion tokens', inHours)
  for (const { amount, unit, period, window } of limits.budgets) {
    const isRolling = window === 'rolling'
    if (period !== 'day' && (period !== 'month' || isRolling)) continue
    const row = period === 'month' ? month : isRolling ? hours : day
    const time = isRolling ? inHours : `this ${period}`
    if (unit === 'tokens') add(tokensOf(row), amount, 'tokens', time)
    else add(row?.cost ?? 0, amount, 'money', time, formatMoney)
  }
  return uses.reduce<LimitUse | undefined>(
    (most, use) => (most === undefined || use.share > most.share ? use : most),
    undefined,
  )
}

export function tokensOf(row: UsageRow | undefined): number {
  return row === undefined ? 0 : row.prompt_tokens + row.completion_tokens
}

/** Where each period starts, as RFC 3339; the ledger counts by the hour. */
export function periodStarts(nowMs: number): { readonly [Period in keyof UsePeriods]: string } {
  const day = new Date(nowMs).toISOString().slice(0, 10)
  const hours = new Date(nowMs - 86_400_000 + 3_600_000).toISOString()
  return { hours, day, month: `${day.slice(0, 8)}01` }
}
