// Starts the processes of a benchmark, each on its cores, and ends them however the benchmark ends.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CoreSplit } from './machine.ts'
import { hasProgram, type NativePrograms } from './native.ts'

export interface StartedProcess {
  readonly pid: number
  /** The pattern's match in the process's output. */
  readonly matched: string
  stop(): Promise<void>
}

export interface StartOptions {
  readonly name: string
  readonly command: readonly string[]
  /** Cores in taskset's format, such as `0` or `0,1`. */
  readonly cores: string
  /** Output goes to this file: reading a pipe of log lines would cost the benchmark's own process time. */
  readonly outputFile: string
  /** The process is up when its output matches; the first group is kept. */
  readonly isUp: RegExp
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<ChildProcess>()
const startTimeoutMs = 30_000
const stopTimeoutMs = 5_000

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** A command line that runs on the given cores. */
export function pinned(cores: string, command: readonly string[]): [string, ...string[]] {
  const [program = '', ...rest] = command
  return hasProgram('taskset') ? ['taskset', '-c', cores, program, ...rest] : [program, ...rest]
}

/** Remembers a child so that it does not outlive the benchmark. */
export function guard(child: ChildProcess): ChildProcess {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export async function start(options: StartOptions): Promise<StartedProcess> {
  const file = openSync(options.outputFile, 'w')
  const [program, ...rest] = pinned(options.cores, options.command)
  const env = { PATH: process.env.PATH ?? '', ...options.env }
  const child = guard(spawn(program, rest, { env, stdio: ['ignore', file, file] }))
  closeSync(file)
  const deadlineMs = performance.now() + startTimeoutMs
  for (;;) {
    const output = readFileSync(options.outputFile, 'utf8')
    const matched = options.isUp.exec(output)
    if (matched !== null && child.pid !== undefined) {
      return { pid: child.pid, matched: matched[1] ?? '', stop: () => stop(child) }
    }
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      throw new Error(`${options.name} did not start:\n${output.slice(-2000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}

/** Puts each serving thread of a gateway on a core of its own. */
export function pinServingThreads(pid: number, cores: readonly string[]): void {
  let pinned = 0
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const name = readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim()
    const core = cores[Number(/^serving (\d+)$/.exec(name)?.[1])]
    if (core === undefined) continue
    execFileSync('taskset', ['-pc', core, id], { stdio: 'ignore' })
    pinned++
  }
  if (pinned !== cores.length) throw new Error(`${pinned} serving threads instead of ${cores.length}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await exited
  clearTimeout(timer)
}

export interface Upstream {
  readonly process: StartedProcess
  /** One endpoint listens on each. */
  readonly ports: readonly [number, ...number[]]
}

export interface UpstreamOptions {
  readonly ports?: number
  /** Models beside `bench-model`, which every endpoint has. */
  readonly models?: number
  /** Endpoints that have each of them. */
  readonly copies?: number
  /** One process on each core, which gets the connections from that core. */
  readonly isPerCore?: boolean
}

/** The C upstream (`native/upstream.c`). */
export async function startUpstream(
  { upstream }: NativePrograms,
  cores: CoreSplit,
  folder: string,
  { ports = 1, models = 0, copies = 1, isPerCore = false }: UpstreamOptions = {},
): Promise<Upstream> {
  const numbers = { '--ports': ports, '--models': models, '--copies': copies }
  const process = await start({
    name: 'upstream',
    command: [
      upstream,
      ...Object.entries(numbers).flatMap(([name, value]) => [name, String(value)]),
      ...(isPerCore ? ['--per-core'] : []),
    ],
    cores: cores.upstream,
    outputFile: join(folder, 'upstream.log'),
    isUp: /"ports":\[([\d,]+)\]/,
  })
  const [first = 0, ...others] = process.matched.split(',').map(Number)
  return { process, ports: [first, ...others] }
}
