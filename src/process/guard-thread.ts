/** A thread that does nothing but watch the main thread, and the end of a stop. */
import { workerData } from 'node:worker_threads'
import { systemClock } from '../clock.ts'
import type { GuardData } from './guard.ts'
import { Heartbeats } from './heartbeat.ts'
import { killProcess, watchMain } from './watch-main.ts'

const { beats, main, timeoutMs, deadline }: GuardData = workerData
const deadlineMs = new Float64Array(deadline)

if (timeoutMs > 0) watchMain(new Heartbeats(beats), main, timeoutMs)
const timer = setInterval(() => {
  const [endMs = 0] = deadlineMs
  if (endMs === 0 || systemClock.monotonicMs() < endMs) return
  clearInterval(timer)
  killProcess('the stop has taken too long')
}, 500)
