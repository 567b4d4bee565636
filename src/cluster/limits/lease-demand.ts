import type { LimitGroup } from '../contract/limits.ts'

/** A lease is for as many requests as there were in this time. */
const periodMs = 200
/** Fewer requests ask the server about each. */
const minRequests = 8
/** After another replica wanted a lease back, none is wanted for this time. */
const quietMs = 1_000

interface Demand {
  sinceMs: number
  /** Requests of this period, and of the one before. */
  count: number
  before: number
}

/** How many requests the groups of limits have had of late. */
export class LeaseDemand {
  /** By the name of the first limit of a group: groups of several threads are different objects. */
  readonly #demands = new Map<string, Demand>()
  readonly #quiet = new Map<string, number>()
  #forgottenAtMs = 0

  count(group: LimitGroup, count: number, nowMs: number): void {
    const name = nameOf(group)
    const demand = this.#demands.get(name)
    if (demand === undefined) {
      this.#demands.set(name, { sinceMs: nowMs, count, before: 0 })
      return
    }
    const ageMs = nowMs - demand.sinceMs
    if (ageMs >= periodMs) {
      demand.before = ageMs < 2 * periodMs ? demand.count : 0
      demand.count = 0
      demand.sinceMs = nowMs
    }
    demand.count += count
  }

  /** @returns the number of requests for which a lease is wanted; 0 for none */
  of(group: LimitGroup, nowMs: number): number {
    const demand = this.#demands.get(nameOf(group))
    if (demand === undefined) return 0
    const count = Math.max(demand.count, demand.before)
    return count < minRequests || this.#isQuiet(group, nowMs) ? 0 : count
  }

  /** No lease of this limit is wanted for a while. */
  quiet(name: string, nowMs: number): void {
    this.#quiet.set(name, nowMs + quietMs)
  }

  /** Forgets what does not matter any more. */
  forget(nowMs: number): void {
    if (nowMs - this.#forgottenAtMs < quietMs) return
    this.#forgottenAtMs = nowMs
    for (const [name, { sinceMs }] of this.#demands)
      if (nowMs - sinceMs >= 2 * periodMs) this.#demands.delete(name)
    for (const [name, untilMs] of this.#quiet) if (untilMs <= nowMs) this.#quiet.delete(name)
  }

  #isQuiet({ limits, slots }: LimitGroup, nowMs: number): boolean {
    if (this.#quiet.size === 0) return false
    const isQuiet = ({ key }: { readonly key: string }) => (this.#quiet.get(key) ?? 0) > nowMs
    return limits.some(isQuiet) || slots.some(isQuiet)
  }
}

function nameOf({ limits, slots }: LimitGroup): string {
  return limits[0]?.key ?? slots[0]?.key ?? ''
}
