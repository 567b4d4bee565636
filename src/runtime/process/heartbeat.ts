/**
 * One cell per thread, which the thread increments while its event loop runs, and one that indicates whether a debugger
 * may pause threads.
 */
export class Heartbeats {
  readonly #cells: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Int32Array(buffer)
  }

  static allocate(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer((threads + 1) * Int32Array.BYTES_PER_ELEMENT)
  }

  beat(thread: number): void {
    Atomics.add(this.#cells, thread, 1)
  }

  of(thread: number): number {
    return Atomics.load(this.#cells, thread)
  }

  get isDebugged(): boolean {
    return Atomics.load(this.#cells, this.#cells.length - 1) !== 0
  }

  set isDebugged(isDebugged: boolean) {
    Atomics.store(this.#cells, this.#cells.length - 1, isDebugged ? 1 : 0)
  }
}

/** Interval of heartbeats and of checks, for a limit of `timeoutMs`. */
export function beatIntervalMs(timeoutMs: number): number {
  return Math.min(1_000, Math.max(20, timeoutMs / 10))
}

/**
 * Beats until the thread ends; the timer does not keep it alive.
 * @param isDebugged whether a debugger is attached; only the main thread knows
 * @returns a function that stops the heartbeat
 */
export function keepBeating(
  beats: Heartbeats,
  thread: number,
  timeoutMs: number,
  isDebugged?: () => boolean,
): () => void {
  const timer = setInterval(() => {
    beats.beat(thread)
    if (isDebugged !== undefined) beats.isDebugged = isDebugged()
  }, beatIntervalMs(timeoutMs))
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * Detects a thread that has stopped beating, or beats so rarely that its requests stall: a thread with a full heap
 * collects garbage for seconds, then runs one turn of its event loop. A beat therefore offsets only part of the
 * silence. Time in which this watch did not run does not count: while a process is suspended (SIGSTOP, a closed laptop,
 * a paused virtual machine), all its threads stand still.
 */
export class BeatWatch {
  readonly #beats: Heartbeats
  readonly #thread: number
  readonly #timeoutMs: number
  #seen = -1
  #silentMs = 0
  #checkedAtMs: number | undefined

  constructor(beats: Heartbeats, thread: number, timeoutMs: number) {
    this.#beats = beats
    this.#thread = thread
    this.#timeoutMs = timeoutMs
  }

  /** How long the thread has been silent. */
  get silentMs(): number {
    return this.#silentMs
  }

  /** Call at each interval. @returns whether the thread is stuck */
  check(nowMs: number): boolean {
    const sinceMs = this.#checkedAtMs === undefined ? 0 : nowMs - this.#checkedAtMs
    this.#checkedAtMs = nowMs
    const passedMs = Math.min(sinceMs, 2 * beatIntervalMs(this.#timeoutMs))
    const beat = this.#beats.of(this.#thread)
    if (this.#beats.isDebugged) this.#silentMs = 0
    else if (beat === this.#seen) this.#silentMs += passedMs
    // At the default limit a beat offsets three seconds.
    else this.#silentMs = Math.max(0, this.#silentMs - 6 * passedMs)
    this.#seen = beat
    return this.#silentMs >= this.#timeoutMs
  }

  /** Call when another thread replaces this one. */
  reset(): void {
    this.#silentMs = 0
    this.#checkedAtMs = undefined
  }
}
