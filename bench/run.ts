// The cost of the gateway, compared with nginx, bare paths and a direct connection: `npm run bench`. Loopback only;
// bounded in rounds and time. `docs/performance.md` explains the figures.
//   --quick            under three minutes
//   --only A,B         these works only: names of `scenarios.ts`, and `streams` for the memory of open streams
//   --targets A,B      these targets only: names of `targets.ts`
//   --processes N      how often all targets are started afresh; default 3, quick 1
//   --rounds N         rounds of each process; default 3, quick 2
//   --streams N,M      open streams whose memory is measured; default 1000
//   --write            puts the tables into docs/performance.md
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type MeasuredTarget, type Measurement, measure } from './measure.ts'
import { SetupError } from './native.ts'
import { withReport } from './page.ts'
import { startUpstream } from './processes.ts'
import { renderReport } from './report.ts'
import {
  joined,
  memoryMedians,
  type Results,
  save,
  streamMemoryMedians,
  type TargetMemory,
  timestamp,
} from './results.ts'
import { memoryOf } from './sampling.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { measureStreamMemory, type StreamMemory } from './stream-memory.ts'
import { type Target, type TargetContext, targets } from './targets.ts'
import { pause, progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    processes: { type: 'string' },
    only: { type: 'string' },
    targets: { type: 'string' },
    streams: { type: 'string', default: '1000' },
    write: { type: 'boolean', default: false },
  },
})
const isQuick = values.quick
const settleMs = 2_000
/** With one endpoint the gateway would have no choice to make. */
const endpointCount = 2

await withWorkbench(run)

async function run({ programs, machine, cores, folder }: Workbench): Promise<void> {
  const works = choose([...scenarios, { name: 'streams' } as const], values.only, '--only').filter(isInTime)
  const asked = choose(targets, values.targets, '--targets').filter(
    ({ only }) => !isQuick || values.targets !== undefined || only === undefined,
  )
  const rounds = wholeNumber('--rounds', values.rounds ?? (isQuick ? '2' : '3'))
  const processes = wholeNumber('--processes', values.processes ?? (isQuick ? '1' : '3'))
  const streams = values.streams.split(',').map((text) => wholeNumber('--streams', text))
  const date = new Date().toISOString()

  const upstream = await startUpstream(programs, cores, folder, { ports: endpointCount })
  const context: TargetContext = { folder, upstreamPorts: upstream.ports, cores }
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

  const measurements: Measurement[] = []
  const memory: TargetMemory[] = []
  const streamMemory: StreamMemory[] = []
  for (let turn = 1; turn <= processes; turn++) {
    progress(`processes ${turn} of ${processes}`)
    for (const target of works.every(isScenario) ? [] : present.filter(hasStreamMemory)) {
      progress(`open streams, ${target.title}`)
      const options = { streams, holdMs: isQuick ? 4_000 : 8_000, generator: generatorFor(target) }
      streamMemory.push(await measureStreamMemory(target, context, options))
    }
    if (!works.some(isScenario)) continue
    const measured: MeasuredTarget[] = []
    for (const target of present) {
      measured.push({ target, running: await target.start(context), generator: generatorFor(target) })
    }
    await pause(settleMs)
    const idle = residentOf(measured)
    const helpers = [upstream.process, ...measured.flatMap(({ running }) => running.helpers ?? [])]
    const ofProcess = await measure(works.filter(isScenario), measured, {
      folder,
      rounds,
      isQuick,
      cores: machine.cores,
      helperPids: helpers.map(({ pid }) => pid),
      onScenario: ({ title }) => progress(title),
    })
    measurements.push(...ofProcess)
    await pause(settleMs)
    for (const [at, { target, residentBytes, peakBytes }] of residentOf(measured).entries()) {
      const idleBytes = idle[at]?.residentBytes ?? 0
      memory.push({ target, idleBytes, loadedBytes: residentBytes, peakBytes })
    }
    for (const { running } of measured) {
      await Promise.all([running.process, ...(running.helpers ?? [])].map((process) => process?.stop()))
    }
  }
  await upstream.process.stop()

  report({
    date,
    node: process.versions.node,
    machine,
    isQuick,
    rounds,
    processes,
    leftOut,
    measurements: joined(measurements),
    memory: memoryMedians(memory),
    streamMemory: streamMemoryMedians(streamMemory),
  })
}

/** A silence of 20 s before each round is too long for a short run, unless it is asked for. */
function isInTime(work: Scenario | { readonly name: 'streams' }): boolean {
  return !isQuick || values.only !== undefined || !('silenceMs' in work)
}

function report(results: Results): void {
  const text = renderReport(results)
  console.log(text)
  const name = timestamp(results.date)
  const saved = save({ [`${name}.md`]: text, [`${name}.json`]: `${JSON.stringify(results, null, 2)}\n` })
  progress(`saved: ${saved}`)
  if (!values.write) return
  const page = new URL('../docs/performance.md', import.meta.url)
  writeFileSync(page, withReport(readFileSync(page, 'utf8'), text))
}

/** Each needs a start and many seconds, so a short run measures only the gateway. */
function hasStreamMemory({ name }: Target): boolean {
  return isQuick ? name === 'olla' : name !== 'direct'
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
