// Checks that memory stays flat under mixed traffic: `npm run bench:soak`. Writes a table of samples as CSV and a
// plot of them as SVG into the results folder.
//   --minutes N    default 20
//   --threads N    serving threads; default 1
import { readdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf, startGateway } from './gateway.ts'
import { type LoadResult, runLoad } from './load.ts'
import { renderPlot } from './plot.ts'
import { startUpstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { memoryOf } from './sampling.ts'
import { renderSamples, type Sample, summarize } from './soak-report.ts'
import { trafficBody, trafficFile, trafficKinds, trafficLoad } from './soak-traffic.ts'
import type { Running } from './targets.ts'
import { pause, progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, threads: { type: 'string', default: '1' } },
})
const sampleMs = 5_000
/** Time for the last requests to end after the traffic. */
const settleMs = 5_000

await withWorkbench(soak)

async function soak({ programs, cores, folder }: Workbench): Promise<void> {
  const minutes = wholeNumber('--minutes', values.minutes)
  const threads = wholeNumber('--threads', values.threads)
  const upstream = await startUpstream(programs, cores, folder, { ports: 3, models: 1, copies: 1 })
  const origins = originsOf(upstream.ports)
  const config = gatewayConfig({ origins, engine: 'olla', threads })
  const gatewayCores = threads > 1 ? cores.two : cores.one
  const gateway = await startGateway({ name: 'gateway', folder, cores: gatewayCores, config, models: 2 })

  const generator = { program: programs.load, cores: cores.load }
  const milliseconds = minutes * 60_000
  const startedMs = performance.now()
  let isOver = false
  const samples: Sample[] = []
  const sampling = (async () => {
    while (!isOver) {
      samples.push(await sample(gateway, performance.now() - startedMs))
      if (samples.length % 12 === 0) progress(describe(samples))
      await pause(sampleMs)
    }
  })()
  const results = await Promise.all(
    trafficKinds.map((kind) => {
      writeFileSync(trafficFile(folder, kind), trafficBody(kind))
      return runLoad(generator, trafficLoad(kind, { port: gateway.port, folder, milliseconds }))
    }),
  )
  isOver = true
  await sampling
  await pause(settleMs)

  trafficKinds.forEach(({ name }, at) => {
    console.log(`${name}: ${describeTraffic(results[at])}`)
  })
  console.log(`requests in flight after the end: ${await inFlight(gateway)} (must be 0)`)
  console.log(summarize(samples))
  const name = `soak-${timestamp(new Date().toISOString())}`
  const plot = renderPlot({
    title: `Memory over ${minutes} minutes of mixed traffic`,
    xLabel: 'minutes',
    yLabel: 'MB',
    series: [
      { name: 'resident', color: '#b2182b', points: curve(samples, 'residentMegabytes') },
      { name: 'heap in use', color: '#2166ac', points: curve(samples, 'heapMegabytes') },
    ],
  })
  progress(`saved: ${save({ [`${name}.svg`]: plot, [`${name}.csv`]: renderSamples(samples) })}`)
  await gateway.process?.stop()
  await upstream.process.stop()
}

async function sample({ process, port }: Running, elapsedMs: number): Promise<Sample> {
  const pid = process?.pid ?? 0
  const view = (await (await fetch(`http://127.0.0.1:${port}/internal/process`)).json()) as {
    memory: { heap_alloc: string }
  }
  return {
    seconds: Math.round(elapsedMs / 1000),
    residentMegabytes: memoryOf(pid).residentBytes / 1024 / 1024,
    heapMegabytes: megabytes(view.memory.heap_alloc),
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  }
}

/** Parses `48.21 MB`. */
function megabytes(text: string): number {
  const [value = '', unit = ''] = text.split(' ')
  return Number(value) * 1024 ** (['KB', 'MB', 'GB'].indexOf(unit) - 1)
}

async function inFlight({ port }: Running): Promise<number> {
  const view = (await (await fetch(`http://127.0.0.1:${port}/internal/status/endpoints`)).json()) as {
    endpoints: readonly { in_flight?: number }[]
  }
  return view.endpoints.reduce((sum, { in_flight = 0 }) => sum + in_flight, 0)
}

function curve(samples: readonly Sample[], name: 'residentMegabytes' | 'heapMegabytes') {
  return samples.map((one) => ({ x: one.seconds / 60, y: one[name] }))
}

function describe(samples: readonly Sample[]): string {
  const last = samples.at(-1)
  return `${last?.seconds} s: resident ${last?.residentMegabytes.toFixed(0)} MB, heap ${last?.heapMegabytes.toFixed(0)} MB`
}

function describeTraffic(result: LoadResult | undefined): string {
  if (result === undefined) return 'none'
  const { answers, badStatuses, broken, left } = result
  return `${answers} answers, of which ${badStatuses} not 200; ${broken} broken off, ${left} left`
}
