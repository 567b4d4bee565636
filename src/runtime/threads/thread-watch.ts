import type { Clock } from '../../kernel/clock.ts'
import { BeatWatch, beatIntervalMs, type Heartbeats } from '../process/heartbeat.ts'

export interface ThreadWatchOptions {
  readonly beats: Heartbeats
  readonly threads: number
  /** 0 watches none. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Whether a thread serves: startup takes as long as the machine needs. */
  isOpen(thread: number): boolean
  /** Called each time a thread becomes stuck. */
  onStuck(thread: number): void
}

/** Handle of a running watch. */
export interface ThreadWatch {
  /** Whether no thread has been silent for half of the time limit. */
  areResponsive(): boolean
  end(): void
}

/** Monitors the serving threads from the control thread. */
export function watchThreads(options: ThreadWatchOptions): ThreadWatch {
  const { beats, threads, timeoutMs, clock, isOpen, onStuck } = options
  if (timeoutMs === 0) return { areResponsive: () => true, end() {} }
  const watches = Array.from({ length: threads }, (_, thread) => new BeatWatch(beats, thread, timeoutMs))
  const reported = new Set<number>()
  const intervalMs = beatIntervalMs(timeoutMs)
  let timer = clock.after(intervalMs, check)
  function check(): void {
    timer = clock.after(intervalMs, check)
    const nowMs = clock.monotonicMs()
    for (const [thread, watch] of watches.entries()) {
      if (!isOpen(thread)) {
        watch.reset()
        reported.delete(thread)
      } else if (watch.check(nowMs) && !reported.has(thread)) {
        reported.add(thread)
        onStuck(thread)
      }
    }
  }
  return {
    areResponsive: () => watches.every(({ silentMs }) => silentMs < timeoutMs / 2),
    end: () => timer.cancel(),
  }
}
