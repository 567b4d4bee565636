// Policies to compare: published rules of others, and an oracle. The gateway's own are in own-policies.ts.

import type { Clock } from '../../src/kernel/clock.ts'
import type { PendingWork } from '../../src/routing/estimate/estimator.ts'
import type { LineOptions } from '../../src/routing/line/line-contract.ts'
import type { RoutedEndpoint } from '../../src/routing/models/routing.ts'
import type { EndpointLoad } from '../../src/routing/selection/selector.ts'
import type { Ask } from './ask.ts'
import type { Engine } from './engine.ts'
import { PrefixCache, type Prompt, promptTokens } from './prefix-cache.ts'
import type { FleetView } from './view.ts'

export type Excluded = ReadonlySet<number> | undefined

/** What was measured of a request that ended well. */
export interface Outcome {
  readonly cachedTokens: number
  readonly firstTokenMs: number
  readonly totalMs: number
}

export interface FleetPolicy {
  choose(ask: Ask, candidates: readonly RoutedEndpoint[], excluded: Excluded): RoutedEndpoint | undefined
  sent?(ask: Ask, target: RoutedEndpoint): PendingWork | undefined
  firstToken?(ask: Ask, target: RoutedEndpoint, work: PendingWork | undefined): void
  ended?(ask: Ask, target: RoutedEndpoint, work: PendingWork | undefined, outcome: Outcome): void
  failed?(target: RoutedEndpoint, work: PendingWork | undefined): void
}

export interface PolicyParts {
  readonly clock: Clock
  readonly load: EndpointLoad
  readonly view: FleetView
  readonly random: () => number
  /** For the oracle only. */
  readonly engines: readonly Engine[]
}

export interface NamedPolicy {
  readonly name: string
  /** Time between two readings of an engine. */
  readonly readingMs: number
  /** Whether requests wait in the gateway instead of in the engines. */
  readonly hasLine: boolean
  /** Options of the line that differ from the defaults. */
  readonly line?: Partial<LineOptions>
  create(parts: PolicyParts): FleetPolicy
}

function admitted(
  { load }: PolicyParts,
  candidates: readonly RoutedEndpoint[],
  excluded: Excluded,
): RoutedEndpoint[] {
  return candidates.filter((each) => excluded?.has(each.endpoint.slot) !== true && load.admits(each))
}

function lowest(
  candidates: readonly RoutedEndpoint[],
  cost: (slot: number) => number,
): RoutedEndpoint | undefined {
  let best: RoutedEndpoint | undefined
  let bestCost = Number.POSITIVE_INFINITY
  for (const each of candidates) {
    const own = cost(each.endpoint.slot)
    if (best !== undefined && own >= bestCost) continue
    best = each
    bestCost = own
  }
  return best
}

export function randomChoice(parts: PolicyParts): FleetPolicy {
  return {
    choose(_ask, candidates, excluded) {
      const all = admitted(parts, candidates, excluded)
      return all[Math.floor(parts.random() * all.length)]
    },
  }
}

/** What a router believes of the engines' prefix caches: what it sent there, up to a number of tokens. */
class BelievedCaches {
  readonly #caches = new Map<number, PrefixCache>()
  readonly #maxTokens: number

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens
  }

  matched(slot: number, prompt: Prompt): number {
    return this.#caches.get(slot)?.match(prompt) ?? 0
  }

  add(slot: number, prompt: Prompt): void {
    let cache = this.#caches.get(slot)
    if (cache === undefined) {
      cache = new PrefixCache(this.#maxTokens)
      this.#caches.set(slot, cache)
    }
    cache.add(prompt)
  }

  clear(slot: number): void {
    this.#caches.get(slot)?.clear()
  }
}

/** Tokens that the routers below remember of each engine. */
const believedTokens = 1_000_000

/**
 * The cache-aware policy of the SGLang model gateway, with the values of its command line: the shortest queue if loads
 * differ by more than 64 requests and 1.5 times, else the longest prefix if more than 0.3 of the prompt matches, else the
 * smallest cache (here: the shortest queue).
 */
export function cacheAware(parts: PolicyParts): FleetPolicy {
  const caches = new BelievedCaches(believedTokens)
  return {
    choose({ prompt }, candidates, excluded) {
      const all = admitted(parts, candidates, excluded)
      const loads = all.map(({ endpoint }) => parts.load.inFlight(endpoint.slot))
      const [min, max] = [Math.min(...loads), Math.max(...loads)]
      const byLoad = () => lowest(all, (slot) => parts.load.inFlight(slot))
      if (max - min > 64 && max > 1.5 * min) return byLoad()
      const best = lowest(all, (slot) => -caches.matched(slot, prompt))
      const matched = best === undefined ? 0 : caches.matched(best.endpoint.slot, prompt)
      return matched / promptTokens(prompt) > 0.3 ? best : byLoad()
    },
    sent({ answered }, { endpoint }) {
      caches.add(endpoint.slot, answered)
      return undefined
    },
    failed: ({ endpoint }) => caches.clear(endpoint.slot),
  }
}

/**
 * The default scorers of llm-d's endpoint picker: queue, KV cache and prefix with the weights 2, 2 and 3; the highest
 * sum wins.
 */
export function scorers(parts: PolicyParts): FleetPolicy {
  const caches = new BelievedCaches(believedTokens)
  const { view } = parts
  return {
    choose({ prompt }, candidates, excluded) {
      const all = admitted(parts, candidates, excluded)
      const queues = all.map(({ endpoint }) => view.waiting(endpoint.slot))
      const [min, max] = [Math.min(...queues), Math.max(...queues)]
      const offset = Math.floor(parts.random() * all.length)
      const turned = [...all.slice(offset), ...all.slice(0, offset)]
      return lowest(turned, (slot) => {
        const queue = max === min ? 1 : (max - view.waiting(slot)) / (max - min)
        const prefix = caches.matched(slot, prompt) / Math.max(1, promptTokens(prompt))
        return -(2 * queue + 2 * (1 - view.kvUsed(slot)) + 3 * prefix)
      })
    },
    sent({ prompt }, { endpoint }) {
      caches.add(endpoint.slot, prompt)
      return undefined
    },
    failed: ({ endpoint }) => caches.clear(endpoint.slot),
  }
}

/** Knows the true state of every engine, and takes the one that gives this request its first token soonest. */
export function oracle(parts: PolicyParts): FleetPolicy {
  return {
    choose({ prompt, model }, candidates, excluded) {
      const all = admitted(parts, candidates, excluded)
      return lowest(all, (slot) => parts.engines[slot]?.forecastMs(prompt, model) ?? Number.POSITIVE_INFINITY)
    },
  }
}
