// The gain of a second thread: `npm run bench:threads`. Everything runs on one core with one thread, then on two cores
// with two, so that the load generator has its share of each. Three more layouts show the part of the difference that
// the threads do not cause: one thread whose load comes from the other core, two threads that have a core with a load and
// an upstream each, and two gateways that share only the machine.
//   --rounds N    default 5
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { runLoad } from './load.ts'
import { SetupError } from './native.ts'
import { pinServingThreads, startUpstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { cpuMicros } from './sampling.ts'
import { scenarios, writeBody } from './scenarios.ts'
import { median } from './statistics.ts'
import { formatNumber, formatRatio, renderTable } from './table.ts'
import { progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })

interface Layout {
  readonly title: string
  readonly gateways: number
  /** Serving threads of each gateway. */
  readonly threads: number
  readonly cores: 'one' | 'two'
  /** Cores of load and upstream; `each`: one load per serving thread, which serves only that, all on one core. */
  readonly load: 'one' | 'load' | 'two' | 'each'
}

const layouts: readonly Layout[] = [
  { title: 'one core, 1 thread', gateways: 1, threads: 1, cores: 'one', load: 'one' },
  { title: 'the same, load on the other core', gateways: 1, threads: 1, cores: 'one', load: 'load' },
  { title: 'two cores, 2 threads', gateways: 1, threads: 2, cores: 'two', load: 'two' },
  { title: 'the same, a load for each', gateways: 1, threads: 2, cores: 'two', load: 'each' },
  { title: 'two cores, 2 gateways of 1 thread', gateways: 2, threads: 1, cores: 'two', load: 'two' },
]

interface Measured {
  readonly perSecond: number
  /** CPU time of all gateways per request; µs. */
  readonly cpu: number
}

await withWorkbench(async (bench) => {
  const rounds = wholeNumber('--rounds', values.rounds)
  if (bench.cores.one === bench.cores.two) throw new SetupError('Two cores are needed.')
  const measured: Measured[][] = []
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    const row: Measured[] = []
    for (const layout of layouts) row.push(await measure(bench, layout, round))
    measured.push(row)
  }
  const text = report(measured)
  console.log(text)
  progress(`saved: ${save({ [`threads-${timestamp(new Date().toISOString())}.md`]: text })}`)
})

/** The gateways of one layout, under load at the same time. */
async function measure(bench: Workbench, layout: Layout, round: number): Promise<Measured> {
  let waiting = layout.gateways * (layout.load === 'each' ? layout.threads : 1)
  const { promise: allReady, resolve } = Promise.withResolvers<void>()
  const together = () => {
    if (--waiting === 0) resolve()
    return allReady
  }
  const each = await Promise.all(
    Array.from({ length: layout.gateways }, (_, number) =>
      measureOne(
        bench,
        layout,
        join(bench.folder, `${round}-${layouts.indexOf(layout)}-${number}`),
        together,
      ),
    ),
  )
  const answers = each.reduce((sum, one) => sum + one.answers, 0)
  return {
    perSecond: each.reduce((sum, one) => sum + one.perSecond, 0),
    cpu: each.reduce((sum, one) => sum + one.cpuMicros, 0) / answers,
  }
}

async function measureOne(bench: Workbench, layout: Layout, folder: string, ready: () => Promise<void>) {
  const scenario = scenarios.find(({ name }) => name === 'chat-64')
  if (scenario === undefined) throw new Error('no such scenario')
  mkdirSync(folder)
  const { threads } = layout
  const { load } = layout
  const isEach = load === 'each'
  const cores = bench.cores[layout.cores]
  const loadCores = load === 'each' ? cores.split(',') : [bench.cores[load]]
  const upstreamCores = { ...bench.cores, upstream: loadCores.join(',') }
  const upstream = await startUpstream(bench.programs, upstreamCores, folder, { ports: 2, isPerCore: isEach })
  const config = gatewayConfig({ origins: originsOf(upstream.ports), engine: 'olla', threads })
  const { process, port } = await startGateway({ name: 'gateway', folder, cores, config })
  try {
    const pid = process?.pid ?? 0
    if (isEach) pinServingThreads(pid, loadCores)
    const options = {
      port,
      path: '/v1/chat/completions',
      bodyFile: writeBody(folder, scenario),
      connections: scenario.connections / layout.gateways / loadCores.length,
      warmupMs: 5_000,
      milliseconds: 3_000,
      isSameCore: isEach,
    }
    let before = 0
    const loads = loadCores.map((cores) =>
      runLoad({ program: bench.programs.load, cores }, options, async () => {
        await ready()
        before = cpuMicros(pid)
      }),
    )
    const results = await Promise.all(loads)
    return {
      answers: results.reduce((sum, { answers }) => sum + answers, 0),
      perSecond: results.reduce((sum, { answers, seconds }) => sum + answers / seconds, 0),
      cpuMicros: cpuMicros(pid) - before,
    }
  } finally {
    await process?.stop()
    await upstream.process.stop()
  }
}

function report(rounds: readonly (readonly Measured[])[]): string {
  const cells = (pick: (measured: Measured) => number) =>
    layouts.map((_, index) => {
      const figures = rounds.map((row) => pick(row[index] ?? { perSecond: 0, cpu: 0 }))
      const ratios = rounds.map(
        (row, round) => (figures[round] ?? 0) / pick(row[0] ?? { perSecond: 0, cpu: 0 }),
      )
      return `${formatNumber(median(figures))} (${formatRatio(median(ratios))})`
    })
  const rows = [
    ['requests per second', ...cells(({ perSecond }) => perSecond)],
    ['CPU µs per request', ...cells(({ cpu }) => cpu)],
  ]
  return `${renderTable(['chat JSON 1 KB, 64 connections', ...layouts.map(({ title }) => title)], rows)}\n`
}
