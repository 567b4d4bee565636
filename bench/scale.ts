// The cost of more endpoints and models: `npm run bench:scale`. The time of a routing decision and CPU per request
// with 10, 100 and 1,000 endpoints that have 10,000 models between them.
//   --endpoints A,B    default 10,100,1000
//   --models N         default 10000, each on 3 endpoints; one more model is on all
//   --rounds N         default 5
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { DecisionTimes } from './decision.ts'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { type LoadOptions, runLoad } from './load.ts'
import { pinned, startUpstream, type Upstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { cpuMicros, memoryOf } from './sampling.ts'
import { scaleModel } from './scale-models.ts'
import { chatBody, defaultModel } from './scenarios.ts'
import { median } from './statistics.ts'
import { formatMegabytes, formatNumber, formatRatio, renderTable } from './table.ts'
import type { Running } from './targets.ts'
import { pause, progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({
  options: {
    endpoints: { type: 'string', default: '10,100,1000' },
    models: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
  },
})
const copies = 3
const idleMs = 6_000
const load = { path: '/v1/chat/completions', connections: 16, milliseconds: 1_000 }
/** CPU time of a level covers requests only; that of its probes is shown beside it. */
const kinds = ['few', 'everywhere'] as const
type Kind = (typeof kinds)[number]

interface Level {
  readonly endpoints: number
  readonly upstream: Upstream
  readonly gateway: Running
  readonly decisions: DecisionTimes
  /** CPU time without requests; µs a second. */
  readonly background: number
  readonly cpu: Readonly<Record<Kind, number[]>>
  /** CPU time of all a level does, the share of its probes included. */
  readonly wholeCpu: Readonly<Record<Kind, number[]>>
  readonly latencyP99: Readonly<Record<Kind, number[]>>
}

await withWorkbench(scale)

async function scale(bench: Workbench): Promise<void> {
  const models = wholeNumber('--models', values.models)
  const rounds = wholeNumber('--rounds', values.rounds)
  const counts = values.endpoints.split(',').map((text) => wholeNumber('--endpoints', text))
  const generator = { program: bench.programs.load, cores: bench.cores.load }
  const bodies: Readonly<Record<Kind, string>> = {
    few: writeBody(bench, 'few', scaleModel(1)),
    everywhere: writeBody(bench, 'everywhere', defaultModel),
  }

  const levels: Level[] = []
  for (const count of counts) levels.push(await prepare(bench, count, models))
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (const level of levels) {
      for (const kind of kinds) {
        const warmupMs = round === 0 ? 2_000 : 200
        const options = { ...load, port: level.gateway.port, bodyFile: bodies[kind], warmupMs }
        await measure(level, kind, generator, options)
      }
    }
  }
  const text = report(levels, models)
  console.log(text)
  progress(`saved: ${save({ [`scale-${timestamp(new Date().toISOString())}.md`]: text })}`)
  for (const { gateway, upstream } of levels) {
    await gateway.process?.stop()
    await upstream.process.stop()
  }
}

async function prepare(bench: Workbench, endpoints: number, models: number): Promise<Level> {
  progress(`${endpoints} endpoints`)
  const folder = join(bench.folder, String(endpoints))
  mkdirSync(folder)
  const upstream = await startUpstream(bench.programs, bench.cores, folder, {
    ports: endpoints,
    models,
    copies,
  })
  const origins = originsOf(upstream.ports)
  const config = gatewayConfig({ origins, engine: 'olla', threads: 1 })
  const decisions = timeDecisions(bench, config, models)
  const start = { name: 'gateway', folder, cores: bench.cores.one, config, models: models + 1 }
  const gateway = await startGateway(start)
  await pause(idleMs / 2)
  const pid = gateway.process?.pid ?? 0
  const before = cpuMicros(pid)
  await pause(idleMs)
  const background = (cpuMicros(pid) - before) / (idleMs / 1000)
  const rounds = (): Record<Kind, number[]> => ({ few: [], everywhere: [] })
  return {
    ...{ endpoints, upstream, gateway, decisions, background },
    ...{ cpu: rounds(), wholeCpu: rounds(), latencyP99: rounds() },
  }
}

function timeDecisions({ folder, cores }: Workbench, config: object, models: number): DecisionTimes {
  const file = join(folder, 'decision.yaml')
  writeFileSync(file, JSON.stringify(config))
  const script = fileURLToPath(new URL('./decision.ts', import.meta.url))
  const [program, ...rest] = pinned(cores.one, [process.execPath, script, file, String(models)])
  const output = execFileSync(program, rest, { encoding: 'utf8', timeout: 180_000 })
  return JSON.parse(output) as DecisionTimes
}

async function measure(
  { gateway, background, ...level }: Level,
  kind: Kind,
  generator: { program: string; cores: string },
  options: LoadOptions,
): Promise<void> {
  const pid = gateway.process?.pid ?? 0
  let before = 0
  const { answers, seconds, latencyMicros } = await runLoad(generator, options, () => {
    before = cpuMicros(pid)
  })
  const cpu = cpuMicros(pid) - before
  level.cpu[kind].push((cpu - background * seconds) / answers)
  level.wholeCpu[kind].push(cpu / answers)
  level.latencyP99[kind].push(latencyMicros.p99 ?? Number.NaN)
}

function writeBody({ folder }: Workbench, name: string, model: string): string {
  const file = join(folder, `${name}.json`)
  writeFileSync(file, chatBody(1_000, false, model))
  return file
}

function report(levels: readonly Level[], models: number): string {
  const [first] = levels
  const compared = (pick: (level: Level) => number) => (level: Level) =>
    `${formatNumber(pick(level))} (${formatRatio(first === undefined ? undefined : pick(level) / pick(first))})`
  const rows: [string, (level: Level) => string][] = [
    [`decision, a model on ${copies} endpoints, ns`, compared(({ decisions }) => decisions.anyModel)],
    ['decision, a model on all endpoints, ns', compared(({ decisions }) => decisions.everywhere)],
    [`CPU µs per request, a model on ${copies} endpoints`, compared(({ cpu }) => median(cpu.few))],
    ['CPU µs per request, a model on all endpoints', compared(({ cpu }) => median(cpu.everywhere))],
    [`CPU µs per request with the probes, on ${copies}`, compared(({ wholeCpu }) => median(wholeCpu.few))],
    [`latency p99, µs, on ${copies}`, compared(({ latencyP99 }) => median(latencyP99.few))],
    ['CPU without requests (probes), ms/s', ({ background }) => formatNumber(background / 1000)],
    [
      'resident memory, MB',
      ({ gateway }) => formatMegabytes(memoryOf(gateway.process?.pid ?? 0).residentBytes),
    ],
  ]
  const head = [
    `${models.toLocaleString('en-US')} models`,
    ...levels.map(({ endpoints }) => `${endpoints.toLocaleString('en-US')} endpoints`),
  ]
  return `${renderTable(
    head,
    rows.map(([name, cell]) => [name, ...levels.map(cell)]),
  )}\n`
}
