import { SHARE_ENV, Worker } from 'node:worker_threads'
import { systemClock } from '../../kernel/clock.ts'
import { BeatWatch, beatIntervalMs, Heartbeats } from './heartbeat.ts'
import { killProcess, watchMain } from './watch-main.ts'

/** Data for the guard thread. */
export interface GuardData {
  /** Buffer of `Heartbeats`. */
  readonly beats: SharedArrayBuffer
  /** Number of the main thread among those with a heartbeat. */
  readonly main: number
  /** 0: only the deadline applies. */
  readonly timeoutMs: number
  /** One number: monotonic milliseconds after which the guard kills the process; 0 for none. */
  readonly deadline: SharedArrayBuffer
}

/** Code of the guard thread: it watches the main thread and the deadline of a stop. */
function guardProcess({ beats, main, timeoutMs, deadline }: GuardData): void {
  if (timeoutMs > 0) watchMain(new Heartbeats(beats), main, timeoutMs)
  const deadlineMs = new Float64Array(deadline)
  const timer = setInterval(() => {
    const [endMs = 0] = deadlineMs
    if (endMs === 0 || Number(process.hrtime.bigint()) / 1e6 < endMs) return
    clearInterval(timer)
    killProcess('the stop took too long')
  }, 500)
}

/** As text: a thread that loads modules takes 20 MB more. These functions use nothing but each other. */
const source = [Heartbeats, BeatWatch, beatIntervalMs, watchMain, killProcess, guardProcess]
  .map(String)
  .concat(`guardProcess(process.getBuiltinModule('node:worker_threads').workerData)`)
  .join('\n')

/** Kills the process from a separate thread when the main thread cannot. */
export class Guard {
  readonly #options: Omit<GuardData, 'deadline'>
  readonly #deadline = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
  #hasStarted = false

  constructor(options: Omit<GuardData, 'deadline'>) {
    this.#options = options
  }

  start(): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const workerData: GuardData = { ...this.#options, deadline: this.#deadline }
    const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 }
    const worker = new Worker(source, {
      eval: true,
      name: 'guard',
      workerData,
      env: SHARE_ENV,
      execArgv: [],
      resourceLimits,
    })
    // If the system has no thread left, the gateway runs without a guard.
    worker.on('error', () => {})
    worker.unref()
  }

  /** Kills the process unless it ends within this time. */
  endAfter(ms: number): void {
    new Float64Array(this.#deadline)[0] = systemClock.monotonicMs() + ms
    this.start()
  }
}
