// The gateway's own ways to choose, with its own code.

import { buildTables } from '../../src/kernel/cells/layout.ts'
import { HeadMemory } from '../../src/routing/affinity/head-memory.ts'
import type { SessionKey } from '../../src/routing/affinity/key-sources.ts'
import { SessionAffinity } from '../../src/routing/affinity/session-affinity.ts'
import { LocalSessionStore } from '../../src/routing/affinity/session-store.ts'
import { estimateCells } from '../../src/routing/estimate/estimate-cells.ts'
import { type EstimatedSignals, Estimator } from '../../src/routing/estimate/estimator.ts'
import { expectedLatency } from '../../src/routing/estimate/expected-latency.ts'
import { PrefixIndex, prefixCells } from '../../src/routing/estimate/prefix-index.ts'
import { rateSampleOf } from '../../src/routing/estimate/rate-sample.ts'
import { createStrategy } from '../../src/routing/selection/strategies.ts'
import { preferWarm } from '../../src/routing/selection/warm-preference.ts'
import { type Ask, featuresOf } from './ask.ts'
import type { FleetPolicy, PolicyParts } from './policies.ts'
import { promptTokens } from './prefix-cache.ts'
import { capacities, seededPlace } from './seeded-place.ts'

const idleTtlMs = 600_000
const warmMargin = 2
const loadBound = 1.5
const maxSessions = 10_000

/** A strategy, with the preference for endpoints that have the model in memory. */
export function strategy(name: 'least-connections' | 'round-robin') {
  return ({ load }: PolicyParts): FleetPolicy => {
    const select = createStrategy(name, { priorityTiers: true })
    return {
      choose(_ask, candidates, excluded) {
        const chosen = select(candidates, load, excluded)
        if (chosen?.isWarm !== false) return chosen
        return preferWarm(chosen, candidates, (warm) => select(warm, load, excluded), load, warmMargin)
      },
    }
  }
}

/** The same without that preference, as other gateways do it. */
export function plainStrategy(name: 'least-connections' | 'round-robin') {
  return ({ load }: PolicyParts): FleetPolicy => {
    const select = createStrategy(name, { priorityTiers: true })
    return { choose: (_ask, candidates, excluded) => select(candidates, load, excluded) }
  }
}

/** As Olla 0.0.29: the start of `messages` is the key, bound when chosen, without a bound of the load. */
export function ollaSessions({ load, clock }: PolicyParts): FleetPolicy {
  const select = createStrategy('least-connections', { priorityTiers: true })
  const store = new LocalSessionStore({ clock, maxSessions, idleTtlMs })
  return {
    choose({ prompt }, candidates, excluded) {
      const key = prompt.keys[1] ?? 0
      const slot = store.get(key)
      const bound = candidates.find(({ endpoint }) => endpoint.slot === slot)
      if (bound !== undefined && excluded?.has(bound.endpoint.slot) !== true && load.admits(bound))
        return bound
      const chosen = select(candidates, load, excluded)
      if (chosen !== undefined) store.set(key, chosen.endpoint.slot)
      return chosen
    },
  }
}

/** Least connections with session affinity by the prefixes of prompts. */
export function prefixSessions(parts: PolicyParts): FleetPolicy {
  const { load, clock } = parts
  const { choose } = strategy('least-connections')(parts)
  const store = new LocalSessionStore({ clock, maxSessions, idleTtlMs })
  const affinity = new SessionAffinity(
    { store, heads: new HeadMemory(clock, idleTtlMs), load },
    { priorityTiers: true, loadBound },
  )
  const keyOf = ({ prompt: { keys, headDepth } }: Ask): SessionKey => ({
    source: 'prefix_hash',
    key: keys.at(-1) ?? 0,
    chain: { keys, headDepth, hasHead: true },
    sessionId: undefined,
  })
  return {
    choose(ask, candidates, excluded) {
      const { target } = affinity.decide(keyOf(ask), candidates, excluded)
      return target !== undefined && load.admits(target) ? target : choose(ask, candidates, excluded)
    },
    firstToken(ask, target) {
      const key = keyOf(ask)
      affinity.answered(key, affinity.decide(key, [target], undefined), target.endpoint.slot, 200)
    },
  }
}

/** The strategy `expected-latency`. */
export function estimated({ load, clock, view }: PolicyParts): FleetPolicy {
  const signals: EstimatedSignals = {
    readLoad(slot, _nowMs, into) {
      into.signalAgeMs = view.ageMs(slot)
      into.others = view.others(slot)
      into.waiting = view.waiting(slot)
      into.maxRunning = Number.NaN
      into.kvUsed = view.kvUsed(slot)
      into.sleeping = 0
    },
  }
  const estimator = new Estimator({
    clock,
    load,
    signals,
    cells: buildTables(estimateCells.kinds(capacities), seededPlace()),
    prefixes: new PrefixIndex(clock, buildTables(prefixCells.kinds(capacities), seededPlace())),
  })
  const select = expectedLatency({ priorityTiers: true, estimator })
  return {
    choose: (ask, candidates, excluded) => select(candidates, load, excluded, false, featuresOf(ask)),
    sent: (ask, target) => estimator.begins(featuresOf(ask), target),
    firstToken(_ask, _target, work) {
      if (work !== undefined) estimator.answered(work, true)
    },
    ended({ prompt, answerTokens }, target, work, { cachedTokens, firstTokenMs, totalMs }) {
      if (work === undefined) return
      const measured = {
        promptTokens: promptTokens(prompt),
        cachedTokens,
        answerTokens,
        firstTokenMs,
        totalMs,
        tokenGapMs: (totalMs - firstTokenMs) / answerTokens,
        loadMs: undefined,
      }
      estimator.rates.learn(target, rateSampleOf(work, measured))
    },
    failed({ endpoint }, work) {
      if (work !== undefined) estimator.answered(work, false)
      estimator.forgetCaches(endpoint.slot)
    },
  }
}
