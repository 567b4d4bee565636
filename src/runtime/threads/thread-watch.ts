import type { Clock } from '../../kernel/clock.ts'
import { BeatWatch, beatIntervalMs, type Heartbeats } from '../process/heartbeat.ts'

export interface ThreadWatchOptions {
  readonly beats: Heartbeats
  readonly threads: number
  /** 0 watches none. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Whether a thread serves: starting one takes as long as the machine needs. */
  isOpen(thread: number): boolean
  /** Called once for each time that a thread is found stuck. */
  onStuck(thread: number): void
}

/** A watch that is kept. */
export interface ThreadWatch {
  /** Whether no thread is silent for half of the time limit. */
  areResponsive(): boolean
  end(): void
}

/** Looks after the serving threads from the control thread. */
export function watchThreads(options: ThreadWatchOptions): ThreadWatch {
  const { beats, threads, timeoutMs, clock, isOpen, onStuck } = options
  if (timeoutMs === 0) return { areResponsive: () => true, end() {} }
  const watches = Array.from({ length: threads }, (_, thread) => new BeatWatch(beats, thread, timeoutMs))
  const told = new Set<number>()
  const intervalMs = beatIntervalMs(timeoutMs)
  let timer = clock.after(intervalMs, look)
  function look(): void {
    timer = clock.after(intervalMs, look)
    const nowMs = clock.monotonicMs()
    for (const [thread, watch] of watches.entries()) {
      if (!isOpen(thread)) {
        watch.reset()
        told.delete(thread)
      } else if (watch.look(nowMs) && !told.has(thread)) {
        told.add(thread)
        onStuck(thread)
      }
    }
  }
  return {
    areResponsive: () => watches.every(({ silentMs }) => silentMs < timeoutMs / 2),
    end: () => timer.cancel(),
  }
}
