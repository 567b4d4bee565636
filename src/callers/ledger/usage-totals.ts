import { addUsage, noUsage, type Usage, type UsageRow } from './usage-row.ts'

/** What a key or a team has used since the start of the process. */
export interface UsageTotal {
  readonly kind: 'key' | 'team'
  readonly name: string
  readonly usage: Usage
}

/** The name that stands for all beyond the maximum. */
export const otherName = '(other)'

/** Adds up use by key and by team, for as many of each as a maximum; all others share one total. */
export class UsageTotals {
  readonly #max: number
  readonly #keys = new Map<string, Usage>()
  readonly #teams = new Map<string, Usage>()

  constructor(max: number) {
    this.#max = max
  }

  add(rows: readonly UsageRow[]): void {
    if (this.#max === 0) return
    for (const row of rows) {
      addUsage(this.#usageOf(this.#keys, row.keyName), row)
      if (row.team !== '') addUsage(this.#usageOf(this.#teams, row.team), row)
    }
  }

  list(): UsageTotal[] {
    return [
      ...[...this.#keys].map(([name, usage]): UsageTotal => ({ kind: 'key', name, usage })),
      ...[...this.#teams].map(([name, usage]): UsageTotal => ({ kind: 'team', name, usage })),
    ]
  }

  #usageOf(of: Map<string, Usage>, name: string): Usage {
    const known = of.get(name) ?? (of.size < this.#max ? undefined : of.get(otherName))
    if (known !== undefined) return known
    const usage = noUsage()
    of.set(of.size < this.#max ? name : otherName, usage)
    return usage
  }
}
