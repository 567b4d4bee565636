import { type ReadonlySignal, signal } from '@preact/signals'
import { ApiError } from '../api/api-error.ts'

export interface Loaded<T> {
  readonly value: T | undefined
  /** Why the last load failed; the value is that of the last one that did not. */
  readonly error: ApiError | undefined
}

/** Data of a status route, kept current while it has watchers. */
export interface Resource<T> {
  readonly state: ReadonlySignal<Loaded<T>>
  /** Adds a watcher and starts loading; the returned function removes the watcher. */
  watch(): () => void
  /** Reloads soon if there are watchers; several calls in a row cause one load. */
  refresh(): void
  /** Reloads now if there are watchers; discards a pending load. */
  reload(): void
  /** Updates the loaded value, for example from an event. */
  change(by: (value: T) => T): void
}

export interface ResourceOptions<T> {
  readonly load: (signal: AbortSignal) => Promise<T>
  /** Interval of periodic loads; milliseconds. */
  readonly everyMs: number
  /** Minimum time between two loads; milliseconds. */
  readonly gapMs?: number
  /** Whether the page is hidden: then the interval is four times as long. */
  readonly isHidden?: () => boolean
}

export function createResource<T>(options: ResourceOptions<T>): Resource<T> {
  const { load, everyMs, gapMs = 250, isHidden = () => false } = options
  const state = signal<Loaded<T>>({ value: undefined, error: undefined })
  let watchers = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let loading: AbortController | undefined
  let isReloadRequested = false
  let loadedAtMs = Number.NEGATIVE_INFINITY

  return { state, watch, refresh, reload, change }

  function watch(): () => void {
    watchers++
    if (watchers === 1) void run()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      watchers--
      if (watchers === 0) stop()
    }
  }

  function stop(): void {
    clearTimeout(timer)
    loading?.abort()
    loading = undefined
  }

  function refresh(): void {
    if (watchers === 0) return
    if (loading !== undefined) {
      isReloadRequested = true
      return
    }
    arm(Math.max(0, loadedAtMs + gapMs - Date.now()))
  }

  function reload(): void {
    clearTimeout(timer)
    if (watchers > 0) void run()
  }

  function arm(delayMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(run, delayMs)
  }

  async function run(): Promise<void> {
    const own = new AbortController()
    loading?.abort()
    loading = own
    isReloadRequested = false
    let next: Loaded<T>
    try {
      next = { value: await load(own.signal), error: undefined }
    } catch (error) {
      next = { value: state.peek().value, error: troubleFrom(error) }
    }
    // Stopped, or overtaken, while it loaded.
    if (loading !== own) return
    loading = undefined
    loadedAtMs = Date.now()
    state.value = next
    arm(isReloadRequested ? gapMs : jittered(everyMs) * (isHidden() ? 4 : 1))
  }

  function change(by: (value: T) => T): void {
    const { value, error } = state.peek()
    if (value !== undefined) state.value = { value: by(value), error }
  }
}

/** Jitter, so that pages opened together do not send requests together. */
function jittered(ms: number): number {
  return ms * (0.88 + Math.random() * 0.24)
}

function troubleFrom(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('failed', 0, 'The answer could not be read.')
}
