import { BeatWatch, beatIntervalMs, type Heartbeats } from './heartbeat.ts'

/**
 * Watches the main thread from another one and kills the process if it hangs: nothing else can.
 * @param main number of the main thread among those with a heartbeat
 */
export function watchMain(beats: Heartbeats, main: number, timeoutMs: number): void {
  const watch = new BeatWatch(beats, main, timeoutMs)
  const timer = setInterval(() => {
    if (!watch.check(performance.now())) return
    clearInterval(timer)
    killProcess(`the main thread has not responded for ${timeoutMs} ms`)
  }, beatIntervalMs(timeoutMs))
  timer.unref()
}

/** Kills the process without involving its threads, after allowing time for its last log lines. */
export function killProcess(reason: string): void {
  const { write } = process.getBuiltinModule('node:fs')
  write(2, `olla-gateway: ${reason}: ending the process\n`, () => {})
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)
}
