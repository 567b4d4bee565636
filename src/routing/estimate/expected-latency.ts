import type { Candidate, EndpointLoad, RequestFeatures, Strategy } from '../selection/selector.ts'
import { rankOf, type Turns, weightless, wholeUpTo } from '../selection/strategies.ts'
import { createTiers, type Tier } from '../selection/tiers.ts'
import type { Estimator } from './estimator.ts'
import { NearField } from './near-field.ts'

export interface ExpectedLatencyOptions {
  readonly priorityTiers: boolean
  readonly estimator: Estimator
  /** Default: local to the strategy. */
  readonly turns?: Turns | undefined
}

/**
 * Sample size for tiers of more than `wholeUpTo`, besides the endpoints that have the start of the prompt. Each candidate
 * costs more than with least-connections.
 */
const sampleSize = 4

/** What is known of a list of candidates: every request for a model brings the same list. */
interface KnownList {
  readonly tiers: readonly Tier[]
  /** First cells of the candidates' rates, and the version of the rates when each was read. */
  readonly starts: Int32Array
  readonly versions: Int32Array
  /** Positions in the list by slot; only of lists that are sampled. */
  readonly placeOf: ReadonlyMap<number, number> | undefined
}

/**
 * Chooses the lowest estimated time to the first token, adjusted for weights and recent failures; see `NearField` for
 * estimates that hardly differ. Large tiers are sampled, with the endpoints that have the start of the prompt.
 */
export function expectedLatency(options: ExpectedLatencyOptions): Strategy {
  const chooser = new LatencyChooser(options)
  return (candidates, load, excluded, dryRun = false, features) => {
    const place = chooser.choose(candidates, load, excluded, dryRun, features)
    return place < 0 ? undefined : candidates[place]
  }
}

class LatencyChooser {
  readonly #estimator: Estimator
  readonly #turns: Turns
  readonly #tiersOf: (candidates: readonly Candidate[]) => readonly Tier[]
  readonly #lists = new WeakMap<readonly Candidate[], KnownList>()
  readonly #field = new NearField()
  #position = 0

  constructor({ priorityTiers, estimator, turns }: ExpectedLatencyOptions) {
    this.#estimator = estimator
    this.#turns = turns ?? { chosenAt: [], choices: [0], credits: [] }
    this.#tiersOf = createTiers({ byPriority: priorityTiers, inOrderUpTo: wholeUpTo })
  }

  /** @returns the position of the choice in the list; -1 if no candidate can take the request */
  choose(
    candidates: readonly Candidate[],
    load: EndpointLoad,
    excluded: ReadonlySet<number> | undefined,
    dryRun: boolean,
    features: RequestFeatures | undefined,
  ): number {
    const list = this.#listOf(candidates)
    const matches = this.#estimator.matchesOf(features, !dryRun)
    const { chosenAt, choices } = this.#turns
    const turn = (choices[0] ?? 0) + 1
    const nowMs = this.#estimator.now()
    for (const tier of list.tiers) {
      const { length } = tier
      // A request that failed elsewhere needs the best of all candidates, not of a sample.
      const enough = length > wholeUpTo && excluded === undefined ? sampleSize : length
      const start = length > wholeUpTo ? this.#position : 0
      const field = this.#field.clear(length)
      for (let at = 0; at < length && (at < enough || field.lowest >= weightless); at++)
        this.#consider(candidates, tier[(start + at) % length] ?? 0, list, load, excluded, features, nowMs)
      if (enough < length && list.placeOf !== undefined) {
        const priority = candidates[tier[0] ?? 0]?.endpoint.priority
        for (let at = 0; at < matches.count; at++) {
          const place = list.placeOf.get(matches.slots[at] ?? -1)
          if (place === undefined) continue
          if (list.tiers.length > 1 && candidates[place]?.endpoint.priority !== priority) continue
          this.#consider(candidates, place, list, load, excluded, features, nowMs)
        }
      }
      if (field.count === 0) continue
      const place = field.choose(candidates, chosenAt, turn)
      const best = candidates[place]
      if (best === undefined) continue
      if (dryRun) return place
      this.#position = (start + enough) % length
      choices[0] = turn
      chosenAt[best.endpoint.slot] = turn
      return place
    }
    return -1
  }

  #consider(
    candidates: readonly Candidate[],
    place: number,
    { starts, versions }: KnownList,
    load: EndpointLoad,
    excluded: ReadonlySet<number> | undefined,
    features: RequestFeatures | undefined,
    nowMs: number,
  ): void {
    const candidate = candidates[place]
    if (candidate === undefined) return
    const { endpoint } = candidate
    if (excluded?.has(endpoint.slot) === true || !load.admits(candidate)) return
    const { matches, rates } = this.#estimator
    const { version } = rates.table
    if (versions[place] !== version) {
      versions[place] = version
      starts[place] = rates.startOf(candidate)
    }
    const own = matches.bytesAt(endpoint.slot)
    const { sharedBytes } = matches
    const cached = own > sharedBytes ? own : sharedBytes
    const { totalMs, confidence, hasOldSignals, inFlight } = this.#estimator.estimateAt(
      features,
      candidate,
      starts[place] ?? -1,
      cached,
      nowMs,
    )
    const weight = endpoint.weight * load.share(endpoint.slot)
    const penalty = load.penalty(candidate)
    const rank = excluded === undefined ? 0 : rankOf(candidate, load, excluded)
    this.#field.add(
      place,
      weight <= 0 ? weightless : (totalMs * (1 + penalty)) / weight,
      rank,
      own > sharedBytes ? own : 0,
      hasOldSignals ? 0 : confidence,
      weight <= 0 ? weightless : (inFlight + penalty + 1) / weight,
    )
  }

  #listOf(candidates: readonly Candidate[]): KnownList {
    let list = this.#lists.get(candidates)
    if (list === undefined) {
      const isLarge = candidates.length > wholeUpTo
      list = {
        tiers: this.#tiersOf(candidates),
        starts: new Int32Array(candidates.length),
        versions: new Int32Array(candidates.length).fill(-1),
        placeOf: isLarge
          ? new Map(candidates.map(({ endpoint }, place) => [endpoint.slot, place]))
          : undefined,
      }
      this.#lists.set(candidates, list)
    }
    return list
  }
}
