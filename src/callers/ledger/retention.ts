import type { Clock, Timer } from '../../kernel/clock.ts'
import { hourMs, hoursPerDay } from './usage-row.ts'
import type { UsageStore } from './usage-store.ts'

export interface RetentionOptions {
  readonly store: Pick<UsageStore, 'removeBefore' | 'removeUnused'>
  readonly clock: Clock
  /** Days for which rows by hour and by day are kept; 0 is for ever. */
  readonly hourlyDays: number
  readonly dailyDays: number
  /** Removes amounts of limits that no longer count. */
  readonly removeAmounts: () => Promise<void>
}

const dayMs = hourMs * hoursPerDay
const intervalMs = 3_600_000
/** Between two passes while there is more to remove. */
const passMs = 1_000
const firstMs = 60_000
/** Time that one pass takes from the thread. */
const budgetMs = 50

/** Since when rows by hour are there. */
export function hourlyFromMs(nowMs: number, hourlyDays: number): number {
  return hourlyDays === 0 ? 0 : nowMs - hourlyDays * dayMs
}

/** Removes old rows of the ledger, a little at a time. @returns a function that stops it */
export function retain({ store, clock, hourlyDays, dailyDays, removeAmounts }: RetentionOptions): () => void {
  let timer: Timer | undefined
  let isStopped = false

  async function pass(): Promise<number> {
    const endMs = clock.monotonicMs() + budgetMs
    const isTimeUp = () => clock.monotonicMs() >= endMs
    const before = (days: number) => Math.floor((clock.nowMs() - days * dayMs) / dayMs) * hoursPerDay
    const tables = [
      ['olla_usage', hourlyDays],
      ['olla_usage_days', dailyDays],
      ['olla_usage_blocks', dailyDays],
    ] as const
    for (const [table, days] of tables) {
      if (days > 0 && !(await store.removeBefore(table, before(days), isTimeUp))) return passMs
    }
    await store.removeUnused(clock.nowMs())
    await removeAmounts()
    return intervalMs
  }

  function schedule(delayMs: number): void {
    if (isStopped) return
    timer = clock.after(delayMs, () => {
      // A store that is away is reported by what writes to it.
      pass().then(schedule, () => schedule(intervalMs))
    })
  }
  schedule(firstMs)
  return () => {
    isStopped = true
    timer?.cancel()
  }
}
