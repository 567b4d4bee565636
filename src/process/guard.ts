import { SHARE_ENV, Worker } from 'node:worker_threads'
import { systemClock } from '../clock.ts'

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

/** The sources run unbuilt; the published package has only the built ones. */
const entry = new URL(`./guard-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

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
    const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 }
    const worker = new Worker(entry, { workerData, name: 'guard', env: SHARE_ENV, resourceLimits })
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
