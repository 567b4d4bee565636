import { Agenda } from '../affinity/fleet.ts'
import { seeded } from '../affinity/random.ts'
import type { Ask } from './ask.ts'
import { startClients } from './clients.ts'
import { Engine } from './engine.ts'
import { type Finished, SimulatedGateway } from './gateway.ts'
import type { Incident, Load } from './loads.ts'
import type { NamedPolicy } from './policies.ts'

export interface Figures {
  readonly policy: string
  readonly requests: number
  readonly failed: number
  readonly meanFirstTokenMs: number
  readonly p95FirstTokenMs: number
  /** For each percentile from 0 to 99. */
  readonly percentiles: readonly number[]
  readonly answerTokensPerSecond: number
  /** Part of all requests that the busiest endpoint had. */
  readonly busiestShare: number
  /** Models loaded per 1,000 requests. */
  readonly loadsPerThousand: number
  /** Mean time to the first token of the people; how much longer the one who waited most did than the median one. */
  readonly peopleMs: number
  readonly unfairness: number
  /** Part by which estimates are wrong: median and 90th percentile; undefined without estimates. */
  readonly estimateError: readonly [number, number] | undefined
}

/** How many times as long everything takes on an engine that slows down. */
const slowness = 4

interface Run {
  readonly gateway: SimulatedGateway
  readonly engines: readonly Engine[]
}

/** Runs a load once with each seed, and takes all requests together. */
export function simulate(load: Load, policy: NamedPolicy, seeds: readonly number[]): Figures {
  return figuresOf(
    policy.name,
    load,
    seeds.map((seed) => runOnce(load, policy, seed)),
  )
}

function runOnce(load: Load, policy: NamedPolicy, seed: number): Run {
  const agenda = new Agenda()
  const engines = load.engines.map((spec) => new Engine(spec, agenda))
  const gateway = new SimulatedGateway(agenda, engines, policy, seeded(seed))
  const parts = { agenda, seed, untilMs: load.untilMs, submit: (ask: Ask) => gateway.submit(ask) }
  let line = 0
  for (const clients of load.clients) line = startClients(clients, parts, line)
  for (const incident of load.incidents) agenda.plan(incident.atMs, () => happen(engines, incident))
  agenda.plan(load.untilMs, () => gateway.stop())
  agenda.run()
  return { gateway, engines }
}

function happen(engines: readonly Engine[], { slot, what }: Incident): void {
  const engine = engines[slot]
  if (what === 'slows_down') engine?.slowDown(slowness)
  else if (what === 'recovers') engine?.slowDown(1)
  else if (what === 'dies') engine?.die()
  else engine?.comeBack()
}

function figuresOf(policy: string, load: Load, runs: readonly Run[]): Figures {
  const finished = runs.flatMap(({ gateway }) => gateway.finished)
  const loads = runs.flatMap(({ engines }) => engines.map((engine) => engine.loads))
  const times = sorted(finished.map(({ firstTokenMs }) => firstTokenMs))
  const inTime = finished.filter(({ startedMs, totalMs }) => startedMs + totalMs <= load.untilMs)
  const tokens = sum(inTime.map(({ ask }) => ask.answerTokens))
  const bySlot = load.engines.map((_, slot) => finished.filter((each) => each.slot === slot).length)
  const people = runs.map(({ gateway }) => gateway.finished.filter(({ ask }) => ask.kind === 'person'))
  const errors = sorted(
    finished.flatMap(({ estimate }) =>
      estimate === undefined
        ? []
        : [Math.abs(estimate.estimatedMs - estimate.trueMs) / Math.max(1, estimate.trueMs)],
    ),
  )
  return {
    policy,
    requests: finished.length,
    failed: sum(runs.map(({ gateway }) => gateway.failed)),
    meanFirstTokenMs: mean(times),
    p95FirstTokenMs: quantile(times, 0.95),
    percentiles: Array.from({ length: 100 }, (_, at) => quantile(times, at / 100)),
    answerTokensPerSecond: (tokens / runs.length / load.untilMs) * 1_000,
    busiestShare: Math.max(...bySlot) / finished.length,
    loadsPerThousand: (sum(loads) / finished.length) * 1_000,
    peopleMs: mean(people.flat().map(({ firstTokenMs }) => firstTokenMs)),
    unfairness: mean(people.map(unfairnessOf)),
    estimateError: errors.length === 0 ? undefined : [quantile(errors, 0.5), quantile(errors, 0.9)],
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0)
}

/** The mean wait of the caller who waited most, over that of the median caller. */
function unfairnessOf(finished: readonly Finished[]): number {
  const byCaller = Map.groupBy(finished, ({ ask }) => ask.caller)
  const means = sorted([...byCaller.values()].map((all) => mean(all.map(({ firstTokenMs }) => firstTokenMs))))
  return (means.at(-1) ?? 0) / Math.max(1, quantile(means, 0.5))
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b)
}

function mean(values: readonly number[]): number {
  return sum(values) / Math.max(1, values.length)
}

function quantile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? 0
}
