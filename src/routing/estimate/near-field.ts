import type { Candidate } from '../selection/selector.ts'
import type { Turns } from '../selection/strategies.ts'

/** Estimates that differ by less count as equal: by this part of the lowest, or by so many milliseconds. */
const nearShare = 0.05
const nearMs = 10
/** Additional part if the lowest is a guess. */
const unsureShare = 0.1
/** Below this confidence, two of the near candidates are compared. */
const enoughConfidence = 0.4

/**
 * The candidates of one choice with their costs; reused from choice to choice. Among those whose costs hardly differ, the
 * longest cached prefix wins, then the fewest requests, then the candidate chosen longest ago. If the lowest estimate is
 * uncertain, or its engine's signals are old, only two of them are compared (Mitzenmacher, The Power of Two Choices,
 * 2001): gateways that see the same old numbers do not all choose the same endpoint.
 */
export class NearField {
  count = 0
  /** Lowest cost of the best rank. */
  lowest = Number.POSITIVE_INFINITY
  #bestRank = Number.POSITIVE_INFINITY
  #bestConfidence = 0
  #places = new Int32Array(64)
  #costs = new Float64Array(64)
  #ranks = new Float64Array(64)
  #cached = new Float64Array(64)
  #loads = new Float64Array(64)

  /** @param size maximum number of candidates, besides some with a cached prefix */
  clear(size: number): this {
    this.count = 0
    this.lowest = Number.POSITIVE_INFINITY
    this.#bestRank = Number.POSITIVE_INFINITY
    this.#bestConfidence = 0
    const needed = size + 16
    if (needed > this.#places.length) {
      this.#places = new Int32Array(needed)
      this.#costs = new Float64Array(needed)
      this.#ranks = new Float64Array(needed)
      this.#cached = new Float64Array(needed)
      this.#loads = new Float64Array(needed)
    }
    return this
  }

  /**
   * @param rank lower ones come first, whatever the cost
   * @param cachedBytes of the prompt at this candidate
   * @param confidence 0 to 1
   * @param load as least-connections compares it
   */
  add(
    place: number,
    cost: number,
    rank: number,
    cachedBytes: number,
    confidence: number,
    load: number,
  ): void {
    if (rank > this.#bestRank) return
    const at = this.count++
    this.#places[at] = place
    this.#costs[at] = cost
    this.#ranks[at] = rank
    this.#cached[at] = cachedBytes
    this.#loads[at] = load
    if (rank < this.#bestRank || cost < this.lowest) {
      this.#bestRank = rank
      this.lowest = cost
      this.#bestConfidence = confidence
    }
  }

  /**
   * @param turn number of this choice
   * @returns the place of the choice
   */
  choose(candidates: readonly Candidate[], chosenAt: Turns['chosenAt'], turn: number): number {
    const share = nearShare + unsureShare * (1 - this.#bestConfidence)
    const limit = this.lowest + Math.max(nearMs, this.lowest * share)
    const near = this.#keepNear(limit)
    let best = 0
    if (near > 2 && this.#bestConfidence < enoughConfidence) {
      const mixed = Math.imul(turn, 0x9e3779b1) >>> 0
      const one = mixed % near
      const other = (one + 1 + ((mixed >>> 16) % (near - 1))) % near
      best = this.#isBetter(other, one, candidates, chosenAt) ? other : one
    } else {
      for (let at = 1; at < near; at++) if (this.#isBetter(at, best, candidates, chosenAt)) best = at
    }
    return this.#places[best] ?? -1
  }

  /** Moves the near candidates with the longest cached prefix to the front. @returns their number */
  #keepNear(limit: number): number {
    let longest = 0
    for (let at = 0; at < this.count; at++)
      if (this.#isNear(at, limit)) longest = Math.max(longest, this.#cached[at] ?? 0)
    let near = 0
    for (let at = 0; at < this.count; at++) {
      if (!this.#isNear(at, limit) || (this.#cached[at] ?? 0) < longest) continue
      this.#places[near] = this.#places[at] ?? 0
      this.#loads[near] = this.#loads[at] ?? 0
      near++
    }
    return near
  }

  #isNear(at: number, limit: number): boolean {
    return this.#ranks[at] === this.#bestRank && (this.#costs[at] ?? 0) <= limit
  }

  #isBetter(
    one: number,
    other: number,
    candidates: readonly Candidate[],
    chosenAt: Turns['chosenAt'],
  ): boolean {
    const difference = (this.#loads[one] ?? 0) - (this.#loads[other] ?? 0)
    return difference === 0
      ? this.#turnOf(one, candidates, chosenAt) < this.#turnOf(other, candidates, chosenAt)
      : difference < 0
  }

  #turnOf(at: number, candidates: readonly Candidate[], chosenAt: Turns['chosenAt']): number {
    return chosenAt[candidates[this.#places[at] ?? 0]?.endpoint.slot ?? 0] ?? 0
  }
}
