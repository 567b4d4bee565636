import { SHARE_ENV, Worker } from 'node:worker_threads'
import { systemClock } from '../../kernel/clock.ts'
import { BeatWatch, beatIntervalMs, Heartbeats } from './heartbeat.ts'
import { killProcess, watchMain } from './watch-main.ts'

/** What the guard thread is given. */
export interface GuardData {
  /** Of `Heartbeats`. */
  readonly beats: SharedArrayBuffer
  /** Number of the main thread among those that beat. */
  readonly main: number
  /** 0: only the deadline counts. */
  readonly timeoutMs: number
  /** One number: monotonic milliseconds after which the process is ended; 0 for none. */
  readonly deadline: SharedArrayBuffer
}

/** What the guard thread runs: it watches the main thread, and the end of a stop. */
function guardProcess({ beats, main, timeoutMs, deadline }: GuardData): void {
  if (timeoutMs > 0) watchMain(new Heartbeats(beats), main, timeoutMs)
  const deadlineMs = new Float64Array(deadline)
  const timer = setInterval(() => {
    const [endMs = 0] = deadlineMs
    if (endMs === 0 || Number(process.hrtime.bigint()) / 1e6 < endMs) return
    clearInterval(timer)
    killProcess('the stop has taken too long')
  }, 500)
}

/** As text: a thread that loads modules takes 20 MB more. None of them uses anything but the others. */
const source = [Heartbeats, BeatWatch, beatIntervalMs, watchMain, killProcess, guardProcess]
  .map(String)
  .concat(`guardProcess(process.getBuiltinModule('node:worker_threads').workerData)`)
  .join('\n')

/** Ends the process from a thread of its own where the main thread cannot. */
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
    // Where the system has no thread left the gateway does without.
    worker.on('error', () => {})
    worker.unref()
  }

  /** The process must have ended after this time. */
  endAfter(ms: number): void {
    new Float64Array(this.#deadline)[0] = systemClock.monotonicMs() + ms
    this.start()
  }
}
