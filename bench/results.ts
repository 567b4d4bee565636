// The results of a run and the comparison of its figures.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.ts'
import type { Measurement, Round } from './measure.ts'
import { isNoisy } from './noise.ts'
import { median } from './statistics.ts'
import { perStreamBytes, type StreamMemory } from './stream-memory.ts'

export interface Results {
  /** ISO 8601. */
  readonly date: string
  readonly node: string
  readonly machine: Machine
  readonly isQuick: boolean
  /** Of each process. */
  readonly rounds: number
  /** How often all targets were started. */
  readonly processes: number
  readonly leftOut: readonly { readonly target: string; readonly reason: string }[]
  readonly measurements: readonly Measurement[]
  readonly memory: readonly TargetMemory[]
  readonly streamMemory: readonly StreamMemory[]
}

/** Resident sizes in bytes. */
export interface TargetMemory {
  readonly target: string
  readonly idleBytes: number
  readonly loadedBytes: number
  readonly peakBytes: number
}

export type Figure = Exclude<keyof Round, 'noise'>

/** The results of the quiet rounds alone, or of the noisy ones; a round of one target is noisy for it alone. */
export function roundsThatAre(results: Results, kind: 'quiet' | 'noisy'): Results {
  const fastestMicros = fastestOf(results)
  const measurements = results.measurements.map((measurement) => ({
    ...measurement,
    rounds: measurement.rounds.map((round) =>
      isNoisy(round.noise, fastestMicros) === (kind === 'noisy') ? round : without(round),
    ),
  }))
  return { ...results, measurements }
}

/** Number of rounds of all targets, and of noisy ones among them. */
export function countRounds(results: Results): { readonly all: number; readonly noisy: number } {
  const fastestMicros = fastestOf(results)
  const rounds = results.measurements.flatMap((measurement) => measurement.rounds)
  return {
    all: rounds.length,
    noisy: rounds.filter(({ noise }) => isNoisy(noise, fastestMicros)).length,
  }
}

function fastestOf({ measurements }: Results): number {
  const loops = measurements.flatMap(({ rounds }) => rounds.map(({ noise }) => noise.loopMicros))
  return Math.min(...loops)
}

/** The place of the round stays, since rounds are compared by it. */
function without({ noise }: Round): Round {
  return {
    cpu: undefined,
    perSecond: undefined,
    latencyP50: undefined,
    latencyP99: undefined,
    delayP50: undefined,
    delayP99: undefined,
    noise,
  }
}

/** Median over the rounds. */
export function figureOf(
  { measurements }: Results,
  scenario: string,
  target: string,
  figure: Figure,
): number | undefined {
  return medianOf(roundsOf(measurements, scenario, target).map((round) => round[figure]))
}

/** Median of the ratios within a round: what slows a whole round down cancels out. */
export function ratioOf(
  results: Results,
  scenario: string,
  target: string,
  other: string,
  figure: Figure,
): number | undefined {
  return comparedOf(results, scenario, [target, other], figure, ([own = 0, others = 0]) => own / others)
}

/** What a target adds to a direct connection. */
export function addedOf(
  results: Results,
  scenario: string,
  target: string,
  figure: Figure,
): number | undefined {
  return comparedOf(results, scenario, [target, 'direct'], figure, ([own = 0, direct = 0]) => own - direct)
}

/** The ratio of what two targets add to a direct connection. */
export function addedRatioOf(
  results: Results,
  scenario: string,
  target: string,
  other: string,
  figure: Figure,
): number | undefined {
  return comparedOf(
    results,
    scenario,
    [target, other, 'direct'],
    figure,
    ([own = 0, others = 0, direct = 0]) => (own - direct) / (others - direct),
  )
}

function comparedOf(
  { measurements }: Results,
  scenario: string,
  targets: readonly string[],
  figure: Figure,
  compare: (values: readonly number[]) => number,
): number | undefined {
  const columns = targets.map((target) => roundsOf(measurements, scenario, target))
  const compared = (columns[0] ?? []).map((_, round) => {
    const values = columns.flatMap((rounds) => rounds[round]?.[figure] ?? [])
    return values.length === targets.length ? compare(values) : undefined
  })
  return medianOf(compared)
}

function roundsOf(measurements: readonly Measurement[], scenario: string, target: string): readonly Round[] {
  return measurements.find((one) => one.scenario === scenario && one.target === target)?.rounds ?? []
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : median(known)
}

/** The rounds of all processes. */
export function joined(measurements: readonly Measurement[]): Measurement[] {
  return [...grouped(measurements, ({ scenario, target }) => `${scenario} ${target}`)].flatMap(
    ([first, ...others]) =>
      first === undefined ? [] : { ...first, rounds: [first, ...others].flatMap(({ rounds }) => rounds) },
  )
}

/** One of each target: medians over its processes. */
export function memoryMedians(memory: readonly TargetMemory[]): TargetMemory[] {
  return [...grouped(memory, ({ target }) => target)].map((all) => ({
    target: all[0]?.target ?? '',
    idleBytes: median(all.map(({ idleBytes }) => idleBytes)),
    loadedBytes: median(all.map(({ loadedBytes }) => loadedBytes)),
    peakBytes: median(all.map(({ peakBytes }) => peakBytes)),
  }))
}

/** One of each target: that of the process with the median size per stream. */
export function streamMemoryMedians(memory: readonly StreamMemory[]): StreamMemory[] {
  return [...grouped(memory, ({ target }) => target)].flatMap((all) => {
    const byFirst = (one: StreamMemory) => {
      const [level] = one.levels
      return level === undefined ? 0 : perStreamBytes(one, level)
    }
    return all.toSorted((a, b) => byFirst(a) - byFirst(b))[Math.floor(all.length / 2)] ?? []
  })
}

function grouped<T>(values: readonly T[], keyOf: (value: T) => string): Iterable<readonly T[]> {
  return Map.groupBy(values, keyOf).values()
}

const folder = fileURLToPath(new URL('./results/', import.meta.url))

/** A date as part of a file name. */
export function timestamp(isoDate: string): string {
  return isoDate.slice(0, 19).replaceAll(':', '')
}

/** Writes files of the results folder (not in git); returns the first one's path. */
export function save(files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}${name}`, text)
  return `${folder}${Object.keys(files)[0] ?? ''}`
}
