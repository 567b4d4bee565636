import { BeatWatch, beatIntervalMs, type Heartbeats } from './heartbeat.ts'

/**
 * Watches the main thread from another one, and ends the process where it stands still: nothing else can.
 * @param main number of the main thread among those that beat
 */
export function watchMain(beats: Heartbeats, main: number, timeoutMs: number): void {
  const watch = new BeatWatch(beats, main, timeoutMs)
  const timer = setInterval(() => {
    if (!watch.look(performance.now())) return
    clearInterval(timer)
    killProcess(`the main thread has not responded for ${timeoutMs} ms`)
  }, beatIntervalMs(timeoutMs))
  timer.unref()
}

/** Ends the process without asking any of its threads, once its last words have had time to be written. */
export function killProcess(reason: string): void {
  const { write } = process.getBuiltinModule('node:fs')
  write(2, `olla-gateway: ${reason}: ending the process\n`, () => {})
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)
}
