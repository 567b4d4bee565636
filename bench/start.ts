// The time of a start: `npm run bench:start`. From the command of the packed package to its first routed answer, and the
// CPU time until then; each start is a fresh process, and the targets take turns.
//   --starts N     of each target; default 15
//   --package DIR  another built package, to compare with; may be repeated
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gatewayConfig, originsOf } from './gateway.ts'
import { freePort, nginx, nginxConfiguration } from './nginx.ts'
import { isNoisy, type Noise, startNoiseMeter } from './noise.ts'
import { builtScript, gatewayCommand } from './package.ts'
import { guard, pinned, startUpstream } from './processes.ts'
import { save, timestamp } from './results.ts'
import { cpuMicros } from './sampling.ts'
import { chatBody } from './scenarios.ts'
import { median } from './statistics.ts'
import { formatNumber, renderTable } from './table.ts'
import { pause, progress, type Workbench, wholeNumber, withWorkbench } from './workbench.ts'

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '15' },
    package: { type: 'string', multiple: true, default: [] },
  },
})

interface Started {
  readonly title: string
  /** @param port where it is to listen */
  command(port: number): readonly string[]
}

interface Start {
  /** Until the first answer of the upstream. */
  readonly milliseconds: number
  readonly cpuMilliseconds: number
  readonly noise: Noise
}

const pollMs = 2
const timeoutMs = 20_000
const agent = new Agent({ keepAlive: false })
const body = chatBody(1_000, false)

await withWorkbench(async (bench) => {
  const starts = wholeNumber('--starts', values.starts)
  const upstream = await startUpstream(bench.programs, bench.cores, bench.folder, { ports: 2 })
  const targets = targetsOf(bench, upstream.ports)
  const results = new Map<Started, Start[]>(targets.map((target) => [target, []]))
  for (let turn = 0; turn < starts; turn++) {
    progress(`start ${turn + 1} of ${starts}`)
    for (const target of targets) {
      results.get(target)?.push(await timeStart(target, bench, upstream.process.pid))
    }
  }
  await upstream.process.stop()
  const text = report(results)
  console.log(text)
  progress(`saved: ${save({ [`start-${timestamp(new Date().toISOString())}.md`]: text })}`)
})

function targetsOf({ folder }: Workbench, ports: readonly [number, ...number[]]): Started[] {
  const gateway = (title: string, script: string, more: object = {}): Started => ({
    title,
    command(port) {
      const config = gatewayConfig({ origins: originsOf(ports), engine: 'olla', threads: 1 })
      const file = join(folder, 'start.yaml')
      writeFileSync(file, JSON.stringify({ ...config, server: { ...Object(config).server, port, ...more } }))
      return [process.execPath, script, '-c', file]
    },
  })
  const bare: Started = {
    title: 'bare path',
    command: (port) => [process.execPath, builtScript('bare'), ...originsOf([ports[0]]), String(port)],
  }
  const proxy: Started = {
    title: 'nginx',
    command(port) {
      const file = join(folder, 'start.conf')
      writeFileSync(file, nginxConfiguration(folder, [`listen 127.0.0.1:${port};`], ports))
      return ['nginx', '-p', folder, '-c', file, '-g', 'daemon off;']
    },
  }
  return [
    ...(nginx.missing() === undefined ? [proxy] : []),
    bare,
    gateway('gateway', gatewayCommand),
    gateway('gateway, 2 threads', gatewayCommand, { threads: 2 }),
    ...values.package.map((path) => gateway(path, join(path, 'bin/olla-gateway.js'))),
  ]
}

async function timeStart(
  target: Started,
  { folder, machine }: Workbench,
  upstreamPid: number,
): Promise<Start> {
  const port = await freePort()
  const cwd = join(folder, 'start')
  mkdirSync(cwd, { recursive: true })
  const [program = '', ...rest] = pinned(machine.cores.join(','), target.command(port))
  let pid = 0
  const ownMicros = () => {
    const { user, system } = process.cpuUsage()
    return user + system + cpuMicros(upstreamPid) + (pid === 0 ? 0 : cpuMicros(pid))
  }
  const meter = startNoiseMeter(machine.cores, ownMicros)
  const startMs = performance.now()
  const child = guard(spawn(program, rest, { cwd, env: { PATH: process.env.PATH ?? '' }, stdio: 'ignore' }))
  pid = child.pid ?? 0
  while ((await ask(port)) !== 200) {
    if (performance.now() - startMs > timeoutMs) throw new Error(`${target.title} has not answered`)
    await pause(pollMs)
  }
  const milliseconds = performance.now() - startMs
  const cpuMilliseconds = cpuMicros(pid) / 1000
  const noise = meter.stop(0)
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
  return { milliseconds, cpuMilliseconds, noise }
}

/** @returns the status; 0 without an answer */
function ask(port: number): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({
      ...{ host: '127.0.0.1', port, path: '/v1/chat/completions', method: 'POST', agent },
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    })
    asked.on('response', (response) => {
      response.resume()
      response.on('close', () => resolve(response.statusCode ?? 0))
    })
    asked.on('error', () => resolve(0))
    asked.end(body)
  })
}

function report(results: ReadonlyMap<Started, readonly Start[]>): string {
  const all = [...results.values()].flat()
  const fastest = Math.min(...all.map(({ noise }) => noise.loopMicros))
  const rows = [...results].map(([{ title }, starts]) => {
    const quiet = starts.filter(({ noise }) => !isNoisy(noise, fastest))
    const shown = quiet.length > 0 ? quiet : starts
    return [
      title,
      formatNumber(median(shown.map(({ milliseconds }) => milliseconds))),
      formatNumber(Math.min(...starts.map(({ milliseconds }) => milliseconds))),
      formatNumber(median(shown.map(({ cpuMilliseconds }) => cpuMilliseconds))),
      `${starts.length - quiet.length} of ${starts.length}`,
    ]
  })
  return `${renderTable(['start to the first routed answer', 'median, ms', 'least, ms', 'CPU, ms', 'noisy'], rows)}\n`
}
