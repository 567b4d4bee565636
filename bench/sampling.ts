// Reads /proc for a process and its children.
import { readdirSync, readFileSync } from 'node:fs'

const nanosPerTick = 1e7

/** User and system time of a process, its threads and its children so far; microseconds. */
export function cpuMicros(pid: number): number {
  let nanos = 0
  for (const process of withChildren(pid)) nanos += cpuNanos(process)
  return nanos / 1000
}

export interface Memory {
  /** Current resident size of the process and its children; bytes. */
  readonly residentBytes: number
  /** Maximum so far. */
  readonly peakBytes: number
}

export function memoryOf(pid: number): Memory {
  let residentBytes = 0
  let peakBytes = 0
  for (const process of withChildren(pid)) {
    const status = readFileSync(`/proc/${process}/status`, 'utf8')
    residentBytes += kilobytes(status, 'VmRSS') * 1024
    peakBytes += kilobytes(status, 'VmHWM') * 1024
  }
  return { residentBytes, peakBytes }
}

function withChildren(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(withChildren)]
}

/** From the scheduler, to the nanosecond; if the kernel does not report it, from its ticks of 10 ms. */
function cpuNanos(pid: number): number {
  let nanos = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      // The thread has just ended, or there is no schedstat.
    }
  }
  if (nanos > 0) return nanos
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * nanosPerTick
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}
