// What a second thread gives where load, upstream and gateway share all cores: `npm run bench:threads`. Everything
// runs on one core with one thread, then on two cores with two, so that the load generator has its part of either.
//   --rounds N    default 5
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { runLoad } from './load.ts'
import { SetupError } from './native.ts'
import { startUpstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { cpuMicros } from './sampling.ts'
import { scenarios, writeBody } from './scenarios.ts'
import { median } from './statistics.ts'
import { formatNumber, formatRatio, renderTable } from './table.ts'
import { progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const threadCounts = [1, 2] as const

interface Measured {
  readonly perSecond: number
  /** CPU time of the gateway per request; µs. */
  readonly cpu: number
}

await withWorkbench(async (bench) => {
  const rounds = wholeNumber('--rounds', values.rounds)
  if (bench.cores.one === bench.cores.two) throw new SetupError('Two cores are needed.')
  const measured: Record<(typeof threadCounts)[number], Measured[]> = { 1: [], 2: [] }
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (const threads of threadCounts) measured[threads].push(await measure(bench, threads, round))
  }
  const text = report(measured[1], measured[2])
  console.log(text)
  progress(`saved: ${save({ [`threads-${timestamp(new Date().toISOString())}.md`]: text })}`)
})

async function measure(bench: Workbench, threads: number, round: number): Promise<Measured> {
  const scenario = scenarios.find(({ name }) => name === 'chat-64')
  if (scenario === undefined) throw new Error('no such scenario')
  const folder = join(bench.folder, `${round}-${threads}`)
  mkdirSync(folder)
  const cores = threads === 1 ? bench.cores.one : bench.cores.two
  const upstream = await startUpstream(bench.programs, { ...bench.cores, upstream: cores }, folder, {
    ports: 2,
  })
  const config = gatewayConfig({ origins: originsOf(upstream.ports), engine: 'olla', threads })
  const { process, port } = await startGateway({ name: 'gateway', folder, cores, config })
  try {
    const pid = process?.pid ?? 0
    const options = {
      port,
      path: '/v1/chat/completions',
      bodyFile: writeBody(folder, scenario),
      connections: scenario.connections,
      warmupMs: 5_000,
      milliseconds: 3_000,
    }
    let before = 0
    const { answers, seconds } = await runLoad({ program: bench.programs.load, cores }, options, () => {
      before = cpuMicros(pid)
    })
    return { perSecond: answers / seconds, cpu: (cpuMicros(pid) - before) / answers }
  } finally {
    await process?.stop()
    await upstream.process.stop()
  }
}

function report(one: readonly Measured[], two: readonly Measured[]): string {
  const compared = (pick: (measured: Measured) => number) => {
    const ratios = two.map((measured, round) => pick(measured) / pick(one[round] ?? measured))
    return [
      formatNumber(median(one.map(pick))),
      formatNumber(median(two.map(pick))),
      formatRatio(median(ratios)),
    ]
  }
  const rows = [
    ['requests per second', ...compared(({ perSecond }) => perSecond)],
    ['CPU µs per request', ...compared(({ cpu }) => cpu)],
  ]
  return `${renderTable(['chat JSON 1 KB, 64 connections', 'all on one core, 1 thread', 'all on two cores, 2 threads', 'ratio'], rows)}\n`
}
