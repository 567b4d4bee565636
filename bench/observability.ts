// The cost of observability: `npm run bench:observability`. CPU per request and per event of a stream with all
// observers on and off, in one run; memory and scrape time of the statistics of a large fleet.
//   --rounds N         default 5
//   --endpoints N      of the large fleet, default 200
//   --models N         of the large fleet, default 5000
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { type LoadOptions, runLoad } from './load.ts'
import { startUpstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { cpuMicros } from './sampling.ts'
import { chatBody } from './scenarios.ts'
import { median } from './statistics.ts'
import type { StatsMemory } from './stats-memory.ts'
import { formatNumber, formatRatio, renderTable } from './table.ts'
import type { Running } from './targets.ts'
import { progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    endpoints: { type: 'string', default: '200' },
    models: { type: 'string', default: '5000' },
  },
})
const eventsPerStream = 50

interface Work {
  readonly name: string
  readonly title: string
  /** Per measured unit: a request or an event. */
  readonly per: number
  readonly query: string
  readonly connections: number
  readonly body: object
}

const works: readonly Work[] = [
  { name: 'chat', title: 'chat JSON 1 KB, µs per request', per: 1, query: '', connections: 16, body: {} },
  {
    name: 'paced',
    title: 'SSE at 5 ms, usage asked by the client, µs per event',
    per: eventsPerStream,
    query: `?events=${eventsPerStream}&interval_us=5000`,
    connections: 64,
    body: { stream: true, stream_options: { include_usage: true } },
  },
  {
    name: 'silent',
    title: 'SSE at 5 ms, usage asked by the gateway, µs per event',
    per: eventsPerStream,
    query: `?events=${eventsPerStream}&interval_us=5000`,
    connections: 64,
    body: { stream: true },
  },
  {
    name: 'full',
    title: 'SSE at full speed, usage asked by the gateway, µs per event',
    per: eventsPerStream,
    query: `?events=${eventsPerStream}&interval_us=0`,
    connections: 16,
    body: { stream: true },
  },
]

/** Settings with more and more observers. */
const settings: readonly { readonly name: string; readonly title: string; readonly config: object }[] = [
  {
    name: 'off',
    title: 'off',
    config: {
      server: { request_logging: false },
      proxy: { usage: 'off' },
      dashboard: { enabled: false, recent_requests: 0 },
    },
  },
  {
    name: 'counted',
    title: 'usage',
    config: { server: { request_logging: false }, dashboard: { enabled: false, recent_requests: 0 } },
  },
  { name: 'seen', title: 'usage, recent requests', config: { server: { request_logging: false } } },
  { name: 'logged', title: 'and request lines: the default', config: {} },
]

await withWorkbench(compare)

async function compare(bench: Workbench): Promise<void> {
  const rounds = wholeNumber('--rounds', values.rounds)
  const upstream = await startUpstream(bench.programs, bench.cores, bench.folder, { ports: 2 })
  const generator = { program: bench.programs.load, cores: bench.cores.load }
  const gateways: { readonly running: Running; readonly cpu: Map<string, number[]> }[] = []
  for (const { name, config } of settings) {
    const start = {
      name,
      folder: bench.folder,
      cores: bench.cores.one,
      config: merged(
        gatewayConfig({ origins: originsOf(upstream.ports), engine: 'olla', threads: 1 }),
        config,
      ),
    }
    gateways.push({ running: await startGateway(start), cpu: new Map(works.map((work) => [work.name, []])) })
  }
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (const work of works) {
      for (const { running, cpu } of gateways) {
        const options: LoadOptions = {
          port: running.port,
          path: `/v1/chat/completions${work.query}`,
          bodyFile: bodyOf(bench, work),
          connections: work.connections,
          milliseconds: 2_000,
          warmupMs: round === 0 ? 2_000 : 300,
        }
        cpu.get(work.name)?.push(await cpuOf(running, generator, options))
      }
    }
  }
  for (const { running } of gateways) await running.process?.stop()
  await upstream.process.stop()
  progress('statistics of a large fleet')
  const text = [report(gateways.map(({ cpu }) => cpu)), memoryReport(readStatsMemory())].join('\n')
  console.log(text)
  progress(`saved: ${save({ [`observability-${timestamp(new Date().toISOString())}.md`]: text })}`)
}

/** CPU time of one request or stream, in microseconds. */
async function cpuOf(
  { process }: Running,
  generator: { program: string; cores: string },
  options: LoadOptions,
): Promise<number> {
  const pid = process?.pid ?? 0
  let before = 0
  const { answers } = await runLoad(generator, options, () => {
    before = cpuMicros(pid)
  })
  return (cpuMicros(pid) - before) / answers
}

function bodyOf({ folder }: Workbench, { name, body }: Work): string {
  const file = join(folder, `${name}.json`)
  const chat: unknown = JSON.parse(chatBody(1_000, false))
  writeFileSync(file, JSON.stringify({ ...Object(chat), ...body }))
  return file
}

/** Sections of the second over those of the first. */
function merged(base: object, over: object): object {
  const result: Record<string, unknown> = { ...base }
  for (const [section, keys] of Object.entries(over))
    result[section] = { ...Object(result[section]), ...keys }
  return result
}

function report(cpu: readonly ReadonlyMap<string, readonly number[]>[]): string {
  const [off] = cpu
  const rows = works.map(({ name, title, per }) => {
    const base = off?.get(name) ?? []
    return [
      title,
      ...cpu.map((ofSetting) => {
        const own = ofSetting.get(name) ?? []
        // Ratio round by round, so that drift affects both.
        const ratio = median(own.map((value, round) => value / (base[round] ?? Number.NaN)))
        return `${formatNumber(median(own) / per)} (${formatRatio(ratio)})`
      }),
    ]
  })
  return `${renderTable(['CPU (ratio to off)', ...settings.map(({ title }) => title)], rows)}\n`
}

function readStatsMemory(): StatsMemory {
  const script = fileURLToPath(new URL('./stats-memory.ts', import.meta.url))
  const output = execFileSync(process.execPath, ['--expose-gc', script, values.endpoints, values.models], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  return JSON.parse(output) as StatsMemory
}

function memoryReport(memory: StatsMemory): string {
  const megabytes = (bytes: number) => `${formatNumber(bytes / 1024 / 1024)} MB`
  return `${renderTable(
    [`statistics of ${values.endpoints} endpoints and ${values.models} models, all asked for`, 'one thread'],
    [
      ['shared memory that is reserved', megabytes(memory.reservedBytes)],
      ['heap and buffers beside it', megabytes(memory.heapBytes)],
      ['resident memory that it takes', megabytes(memory.residentBytes)],
      [
        'a scrape of /internal/metrics',
        `${formatNumber(memory.scrapeMs)} ms, ${megabytes(memory.scrapeBytes)}`,
      ],
      ['its longest pause for requests', `${formatNumber(memory.longestPauseMs)} ms`],
    ],
  )}\n`
}
