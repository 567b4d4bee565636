// What the gateway costs, beside nginx, bare paths and nothing: `npm run bench`. Loopback only; bounded in
// rounds and time. `docs/performance.md` says what each figure means.
//   --quick            under three minutes
//   --only A,B         these works only: names of `scenarios.ts`, and `streams` for the memory of open streams
//   --targets A,B      these targets only: names of `targets.ts`
//   --rounds N         default 7, quick 2
//   --streams N,M      open streams whose memory is measured; default 1000
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readMachine, splitCores } from './machine.ts'
import { type MeasuredTarget, measure } from './measure.ts'
import { buildNative, SetupError } from './native.ts'
import { buildPackage } from './package.ts'
import { startUpstream } from './processes.ts'
import { renderReport } from './report.ts'
import { type Results, save, type TargetMemory } from './results.ts'
import { memoryOf } from './sampling.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { measureStreamMemory, type StreamMemory } from './stream-memory.ts'
import { type Target, type TargetContext, targets } from './targets.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    targets: { type: 'string' },
    streams: { type: 'string', default: '1000' },
  },
})
const isQuick = values.quick
const rounds = wholeNumber('--rounds', values.rounds ?? (isQuick ? '2' : '7'))
const streamCounts = values.streams.split(',').map((text) => wholeNumber('--streams', text))
const settleMs = 2_000

try {
  await run()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const works = choose([...scenarios, { name: 'streams' } as const], values.only, '--only')
  const asked = choose(targets, values.targets, '--targets')
  const programs = buildNative()
  buildPackage()
  const machine = readMachine()
  const cores = splitCores(machine.cores)
  const date = new Date().toISOString()
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'))
  try {
    const upstream = await startUpstream(programs, cores, folder)
    const context: TargetContext = { folder, upstreamPort: upstream.ports[0] ?? 0, cores }
    const leftOut = asked.flatMap((target) => {
      const reason = target.missing()
      return reason === undefined ? [] : [{ target: target.title, reason }]
    })
    for (const { target, reason } of leftOut) progress(`left out: ${target}, ${reason}`)
    const present = asked.filter((target) => target.missing() === undefined)
    const generatorFor = ({ threads }: Target) => ({
      program: programs.load,
      cores: threads > 1 ? cores.loadBesideTwo : cores.load,
    })

    const streamMemory: StreamMemory[] = []
    if (works.some(({ name }) => name === 'streams')) {
      for (const target of present.filter(hasStreamMemory)) {
        progress(`open streams, ${target.title}`)
        const generator = generatorFor(target)
        const options = { streams: streamCounts, holdMs: isQuick ? 4_000 : 8_000, generator }
        streamMemory.push(await measureStreamMemory(target, context, options))
      }
    }

    const measured: MeasuredTarget[] = []
    for (const target of works.some(isScenario) ? present : []) {
      measured.push({ target, running: await target.start(context), generator: generatorFor(target) })
    }
    await pause(settleMs)
    const idle = residentOf(measured)
    const measurements = await measure(works.filter(isScenario), measured, {
      folder,
      rounds,
      isQuick,
      onScenario: ({ title }) => progress(title),
    })
    await pause(settleMs)
    const memory = residentOf(measured).map(({ target, residentBytes, peakBytes }, at): TargetMemory => {
      return { target, idleBytes: idle[at]?.residentBytes ?? 0, loadedBytes: residentBytes, peakBytes }
    })
    await Promise.all(measured.map(({ running }) => running.process?.stop()))
    await upstream.process.stop()

    const node = process.versions.node
    report({ date, node, machine, isQuick, rounds, leftOut, measurements, memory, streamMemory })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function report(results: Results): void {
  const text = renderReport(results)
  console.log(text)
  const name = results.date.slice(0, 19).replaceAll(':', '')
  const saved = save({ [`${name}.md`]: text, [`${name}.json`]: `${JSON.stringify(results, null, 2)}\n` })
  progress(`saved: ${saved}`)
}

/** In a short run only the two that are compared. */
function hasStreamMemory({ name }: Target): boolean {
  return isQuick ? name === 'bare' || name === 'olla' : name !== 'direct'
}

function residentOf(measured: readonly MeasuredTarget[]) {
  return measured.flatMap(({ target, running }) =>
    running.process === undefined ? [] : [{ target: target.name, ...memoryOf(running.process.pid) }],
  )
}

function isScenario(work: { readonly name: string }): work is Scenario {
  return 'title' in work
}

function choose<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
  option: string,
): readonly T[] {
  const wanted = names?.split(',')
  const unknown = wanted?.find((name) => !all.some((one) => one.name === name))
  if (unknown !== undefined) {
    throw new SetupError(`${option}: "${unknown}" is none of ${all.map(({ name }) => name).join(', ')}.`)
  }
  return all.filter(({ name }) => wanted?.includes(name) ?? true)
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  console.error(`${option}: "${text}" is not a whole number above 0.`)
  process.exit(1)
}

function progress(text: string): void {
  console.error(`… ${text}`)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
