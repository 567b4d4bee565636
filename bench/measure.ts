// Runs scenarios over targets, round by round and target by target, so that drift affects all targets.
import { join } from 'node:path'
import { type LoadGenerator, type LoadResult, runLoad } from './load.ts'
import { type Noise, type NoiseMeter, startNoiseMeter } from './noise.ts'
import { cpuMicros } from './sampling.ts'
import { loadOptions, type Scenario, writeBody } from './scenarios.ts'
import type { Running, Target } from './targets.ts'
import { pause } from './workbench.ts'

/** One round of one scenario on one target. Times in microseconds; undefined if not measured. */
export interface Round {
  /** CPU time of the target for one request or stream. */
  readonly cpu: number | undefined
  readonly perSecond: number | undefined
  readonly latencyP50: number | undefined
  readonly latencyP99: number | undefined
  /** From the write of an event by the upstream to its arrival at the client. */
  readonly delayP50: number | undefined
  readonly delayP99: number | undefined
  readonly noise: Noise
}

export interface Measurement {
  readonly scenario: string
  readonly target: string
  /** The same place in all measurements of a scenario is the same moment of the run. */
  readonly rounds: readonly Round[]
}

export interface MeasuredTarget {
  readonly target: Target
  readonly running: Running
  readonly generator: LoadGenerator
}

export interface MeasureOptions {
  readonly folder: string
  readonly rounds: number
  readonly isQuick: boolean
  readonly cores: readonly number[]
  /** Processes of the benchmark besides the targets and the load generator. */
  readonly helperPids: readonly number[]
  readonly onScenario?: (scenario: Scenario) => void
}

/**
 * V8's compilers settle by work done, not by time; the time limit is for slow targets. The more code a target
 * has, the longer they take: after 5,000 requests a fifth of the gateway's time still went to them.
 */
const firstWarmup = { chats: 60_000, streams: 3_000, maxMs: 7_000, maxQuickMs: 1_000 }
/**
 * In the pause between two rounds V8 collects in full, and drops code compiled for objects that no longer exist:
 * for some seconds a chat then took twice as long (`sherpa`, 305 µs to 147).
 */
const laterWarmupMs = { full: 3_000, quick: 150 }

export async function measure(
  scenarios: readonly Scenario[],
  targets: readonly MeasuredTarget[],
  options: MeasureOptions,
): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  const mode = options.isQuick ? 'quick' : 'full'
  for (const scenario of scenarios) {
    options.onScenario?.(scenario)
    const measured = targets.filter(({ target }) => target.only?.includes(scenario.name) ?? true)
    const bodyFile = writeBody(join(options.folder, 'bodies'), scenario)
    const rounds = new Map<MeasuredTarget, Round[]>(measured.map((target) => [target, []]))
    for (let round = 0; round < options.rounds; round++) {
      const load = {
        ...loadOptions(scenario, options.isQuick),
        ...(round === 0 ? firstWarmupOf(scenario, options) : { warmupMs: laterWarmupMs[mode] }),
        ...(scenario.silenceMs === undefined ? {} : { warmupMs: 0 }),
        bodyFile,
      }
      if (scenario.silenceMs !== undefined) await pause(scenario.silenceMs)
      // Each target is first in some round, since the one before leaves traces in the CPU caches.
      for (let turn = 0; turn < measured.length; turn++) {
        const target = measured[(round + turn) % measured.length]
        if (target === undefined) continue
        rounds.get(target)?.push(await measureRound(scenario, target, load, options))
      }
    }
    for (const [{ target }, own] of rounds) {
      measurements.push({ scenario: scenario.name, target: target.name, rounds: own })
    }
  }
  return measurements
}

function firstWarmupOf({ events }: Scenario, { isQuick }: MeasureOptions) {
  return {
    warmupAnswers: events === undefined ? firstWarmup.chats : firstWarmup.streams,
    warmupMs: isQuick ? firstWarmup.maxQuickMs : firstWarmup.maxMs,
  }
}

async function measureRound(
  scenario: Scenario,
  { target, running, generator }: MeasuredTarget,
  load: ReturnType<typeof loadOptions> & { bodyFile: string },
  { cores, helperPids }: MeasureOptions,
): Promise<Round> {
  const pid = running.process?.pid
  const cpu = () => (pid === undefined ? undefined : cpuMicros(pid))
  const ownMicros = () => {
    const { user, system } = process.cpuUsage()
    return helperPids.reduce((sum, helper) => sum + cpuMicros(helper), user + system + (cpu() ?? 0))
  }
  let before: number | undefined
  let meter: NoiseMeter | undefined
  const path = `${running.pathPrefix ?? ''}${load.path}`
  const result = await runLoad(generator, { ...load, path, port: running.port }, () => {
    meter = startNoiseMeter(cores, ownMicros)
    before = cpu()
  })
  const after = cpu()
  if (meter === undefined) throw new Error('the load generator was never ready')
  const noise = meter.stop(result.cpuMicros)
  verify(scenario, target, result)
  return {
    cpu: before === undefined || after === undefined ? undefined : (after - before) / result.answers,
    perSecond: result.answers / result.seconds,
    latencyP50: result.latencyMicros.p50,
    latencyP99: result.latencyMicros.p99,
    delayP50: result.delayMicros.p50,
    delayP99: result.delayMicros.p99,
    noise,
  }
}

/** A target that loses events would look fast. */
function verify({ name, events = 0 }: Scenario, target: Target, { answers, ...result }: LoadResult): void {
  if (answers === 0) throw new Error(`${target.name}, ${name}: no answers`)
  if (result.events !== answers * events) {
    throw new Error(`${target.name}, ${name}: ${result.events} events in ${answers} answers`)
  }
}
