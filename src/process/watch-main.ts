import { write } from 'node:fs'
import { systemClock } from '../clock.ts'
import { BeatWatch, beatIntervalMs, type Heartbeats } from './heartbeat.ts'

/** Time for the last words; writing them must not delay the end. */
const lastWordsMs = 100
const standardError = 2

/**
 * Watches the main thread from another one, and ends the process where it stands still: nothing else can.
 * @param main number of the main thread among those that beat
 */
export function watchMain(beats: Heartbeats, main: number, timeoutMs: number): void {
  const watch = new BeatWatch(beats, main, timeoutMs)
  const timer = setInterval(() => {
    if (!watch.look(systemClock.monotonicMs())) return
    clearInterval(timer)
    killProcess(`the main thread has not responded for ${timeoutMs} ms`)
  }, beatIntervalMs(timeoutMs))
  timer.unref()
}

/** Ends the process without asking any of its threads. */
export function killProcess(reason: string): void {
  write(standardError, `olla-gateway: ${reason}: ending the process\n`, () => {})
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), lastWordsMs)
}
