/**
 * One cell for each thread, which it counts up as long as its event loop turns, and one that says whether a debugger may
 * hold threads.
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

/** How often threads beat, and how often others look, for a limit of `timeoutMs`. */
export function beatIntervalMs(timeoutMs: number): number {
  return Math.min(1_000, Math.max(20, timeoutMs / 10))
}

/**
 * Beats until the thread ends; the timer does not keep it alive.
 * @param isDebugged tells of a debugger; only the main thread knows
 * @returns a function that ends it
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
 * Finds a thread that has stopped beating, or beats so rarely that its requests stand still: a thread that fills its heap
 * collects garbage for seconds, then turns its event loop once. A beat therefore makes up for a part of the silence only.
 * The time in which this watch was not called does not count: of a process that was suspended (SIGSTOP, a laptop's lid, a
 * paused virtual machine) all threads stood still.
 */
export class BeatWatch {
  readonly #beats: Heartbeats
  readonly #thread: number
  readonly #timeoutMs: number
  #seen = -1
  #silentMs = 0
  #lookedAtMs: number | undefined

  constructor(beats: Heartbeats, thread: number, timeoutMs: number) {
    this.#beats = beats
    this.#thread = thread
    this.#timeoutMs = timeoutMs
  }

  /** How long the thread has been silent. */
  get silentMs(): number {
    return this.#silentMs
  }

  /** To be called at each interval. @returns whether the thread is stuck */
  look(nowMs: number): boolean {
    const sinceMs = this.#lookedAtMs === undefined ? 0 : nowMs - this.#lookedAtMs
    this.#lookedAtMs = nowMs
    const passedMs = Math.min(sinceMs, 2 * beatIntervalMs(this.#timeoutMs))
    const beat = this.#beats.of(this.#thread)
    if (this.#beats.isDebugged) this.#silentMs = 0
    else if (beat === this.#seen) this.#silentMs += passedMs
    // At the default limit a beat makes up for three seconds.
    else this.#silentMs = Math.max(0, this.#silentMs - 6 * passedMs)
    this.#seen = beat
    return this.#silentMs >= this.#timeoutMs
  }

  /** Another thread has taken the place. */
  reset(): void {
    this.#silentMs = 0
    this.#lookedAtMs = undefined
  }
}
