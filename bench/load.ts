// Runs the load generator (`native/load.c`) and reads what it measured.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { guard, pinned } from './processes.ts'

export interface LoadOptions {
  readonly port: number
  /** Path and query. */
  readonly path: string
  readonly bodyFile: string
  readonly connections: number
  readonly milliseconds: number
  /** Maximum time of the same load before it, not measured. */
  readonly warmupMs?: number
  /** The warm-up ends after this many answers. */
  readonly warmupAnswers?: number
  /** Requests a second at fixed times; without it, one after the other. */
  readonly rate?: number
  readonly staggerMicros?: number
  /** The client leaves after this many events. */
  readonly leaveAfter?: number
  /** Answers other than 200 do not count as errors. */
  readonly anyStatus?: boolean
  /** Keeps to connections whose server runs on the load generator's core, over loopback. */
  readonly isSameCore?: boolean
}

export interface Distribution {
  readonly count: number
  readonly p50?: number
  readonly p90?: number
  readonly p99?: number
  readonly max?: number
}

export interface LoadResult {
  readonly answers: number
  readonly badStatuses: number
  readonly broken: number
  readonly reconnects: number
  readonly left: number
  readonly events: number
  readonly bodyBytes: number
  /** From the first request to the end of the last answer. */
  readonly seconds: number
  /** CPU time of the load generator in the measured part. */
  readonly cpuMicros: number
  readonly latencyMicros: Distribution
  readonly delayMicros: Distribution
}

export interface LoadGenerator {
  readonly program: string
  readonly cores: string
}

const graceMs = 60_000
/** Thousands of streams open one after the other. */
const openingMs = 120_000

/** @param onReady between the warm-up and the measured part, which waits for it, while nothing is in flight */
export async function runLoad(
  generator: LoadGenerator,
  options: LoadOptions,
  onReady: () => void | Promise<void> = () => {},
): Promise<LoadResult> {
  const child = spawnLoad(generator, [...argumentsFor(options)])
  const timer = setTimeout(
    () => child.kill('SIGKILL'),
    options.milliseconds + (options.warmupMs ?? 0) + graceMs,
  )
  const lines = linesOf(child)
  try {
    await expectLine(lines, 'ready')
    await onReady()
    child.stdin.write('go\n')
    return parseResult(await lines.next())
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}

export interface HeldStreams {
  /** Ends the streams. */
  leave(): Promise<LoadResult>
}

/** Opens one stream per connection and resolves when each has received an event. */
export async function holdStreams(
  generator: LoadGenerator,
  options: Omit<LoadOptions, 'milliseconds'>,
): Promise<HeldStreams> {
  const child = spawnLoad(generator, [...argumentsFor({ ...options, milliseconds: 0 }), '--hold'])
  const lines = linesOf(child)
  const timer = setTimeout(() => child.kill('SIGKILL'), openingMs)
  await expectLine(lines, 'held').finally(() => clearTimeout(timer))
  return {
    async leave() {
      child.stdin.write('leave\n')
      return parseResult(await lines.next())
    },
  }
}

function argumentsFor(options: LoadOptions): string[] {
  const numbers = {
    '--port': options.port,
    '--connections': options.connections,
    '--milliseconds': options.milliseconds,
    '--warmup-ms': options.warmupMs,
    '--warmup-answers': options.warmupAnswers,
    '--rate': options.rate,
    '--stagger-us': options.staggerMicros,
    '--leave-after': options.leaveAfter,
  }
  return [
    ...['--path', options.path, '--body', options.bodyFile],
    ...Object.entries(numbers).flatMap(([name, value]) =>
      value === undefined ? [] : [name, String(Math.round(value))],
    ),
    ...(options.anyStatus === true ? ['--any-status'] : []),
    ...(options.isSameCore === true ? ['--same-core'] : []),
  ]
}

function spawnLoad({ program, cores }: LoadGenerator, args: string[]): ChildProcessWithoutNullStreams {
  const [first, ...rest] = pinned(cores, [program, ...args])
  const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  guard(child)
  // It ends with an error message and an exit code, which `parseResult` reports; a broken pipe adds nothing.
  child.stdin.on('error', () => {})
  child.stderr.pipe(process.stderr)
  return child
}

function linesOf(child: ChildProcessWithoutNullStreams): AsyncIterator<string> {
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]()
}

async function expectLine(lines: AsyncIterator<string>, expected: string): Promise<void> {
  const { value } = await lines.next()
  if (value !== expected) throw new Error(`the load generator ended before it was ${expected}`)
}

function parseResult({ done, value }: IteratorResult<string, unknown>): LoadResult {
  if (done === true) throw new Error('the load generator ended without a result')
  return JSON.parse(value) as LoadResult
}
