// Runs scenarios over targets, round by round and target by target, so that what drifts drifts for all.
import { join } from 'node:path'
import { type LoadGenerator, runLoad } from './load.ts'
import { cpuMicros } from './sampling.ts'
import { loadOptions, type Scenario, writeBody } from './scenarios.ts'
import { median } from './statistics.ts'
import type { Running, Target } from './targets.ts'

/** One round of one scenario on one target. Times in microseconds. */
export interface Round {
  readonly cpuPerRequest: number
  readonly perSecond: number
  readonly latencyP50: number
  readonly latencyP99: number
  readonly delayP50: number
  readonly delayP99: number
}

/** Medians over the rounds. */
export interface Row extends Round {
  readonly scenario: string
  readonly target: string
  readonly rounds: readonly Round[]
}

export interface Started {
  readonly target: Target
  readonly running: Running
  readonly generator: LoadGenerator
}

export interface MeasureOptions {
  readonly folder: string
  readonly rounds: number
  readonly isQuick: boolean
  readonly onRound?: (line: string) => void
}

const firstWarmupMs = 2_000
const warmupMs = 250

export async function measure(
  scenarios: readonly Scenario[],
  started: readonly Started[],
  options: MeasureOptions,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const scenario of scenarios) {
    const bodyFile = writeBody(join(options.folder, 'bodies'), scenario)
    const rounds = new Map<Started, Round[]>(started.map((target) => [target, []]))
    for (let round = 0; round < options.rounds; round++) {
      for (const target of started) {
        const isFirst = round === 0
        const warmup = isFirst ? firstWarmupMs / (options.isQuick ? 2 : 1) : warmupMs
        rounds.get(target)?.push(await measureRound(scenario, target, bodyFile, warmup, options.isQuick))
      }
    }
    for (const [{ target }, own] of rounds) {
      rows.push({ scenario: scenario.name, target: target.name, rounds: own, ...medians(own) })
    }
    options.onRound?.(`${scenario.title}: done`)
  }
  return rows
}

async function measureRound(
  scenario: Scenario,
  { running, generator }: Started,
  bodyFile: string,
  warmup: number,
  isQuick: boolean,
): Promise<Round> {
  const pid = running.process?.pid
  const cpu = () => (pid === undefined ? Number.NaN : cpuMicros(pid))
  let before = Number.NaN
  const result = await runLoad(
    generator,
    { ...loadOptions(scenario, isQuick), port: running.port, bodyFile, warmupMs: warmup },
    () => {
      before = cpu()
    },
  )
  return {
    cpuPerRequest: (cpu() - before) / result.answers,
    perSecond: result.answers / result.seconds,
    latencyP50: result.latencyMicros.p50 ?? Number.NaN,
    latencyP99: result.latencyMicros.p99 ?? Number.NaN,
    delayP50: result.delayMicros.p50 ?? Number.NaN,
    delayP99: result.delayMicros.p99 ?? Number.NaN,
  }
}

function medians(rounds: readonly Round[]): Round {
  const middle = (name: keyof Round) => median(rounds.map((round) => round[name]))
  return {
    cpuPerRequest: middle('cpuPerRequest'),
    perSecond: middle('perSecond'),
    latencyP50: middle('latencyP50'),
    latencyP99: middle('latencyP99'),
    delayP50: middle('delayP50'),
    delayP99: middle('delayP99'),
  }
}
