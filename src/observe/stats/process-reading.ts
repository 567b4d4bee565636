import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { GcTotals } from './gc-monitor.ts'

/** Metrics of the process at one moment; sizes in bytes. */
export interface ProcessReading {
  readonly usedHeapBytes: number
  readonly totalHeapBytes: number
  /** The part of the heap that is backed by memory. */
  readonly physicalHeapBytes: number
  readonly heapLimitBytes: number
  readonly residentBytes: number
  readonly externalBytes: number
  readonly arrayBufferBytes: number
  readonly gc: GcTotals
  /** Handles and requests that keep the event loop busy. */
  readonly activeResources: number
  /** Busy fraction of the event loop since startup, 0 to 1. */
  readonly loopUtilization: number
  readonly upMs: number
  /** Since this thread started. */
  readonly threadUpMs: number
  /** User and system time of the process. */
  readonly cpuMs: number
  readonly nodeVersion: string
  readonly cpus: number
}

/** Metrics of a serving thread, which has its own heap, collections and event loop. */
export interface ThreadReading {
  readonly thread: number
  readonly reading: ProcessReading
}

/** Combines the readings of several threads. */
export function joinReadings(own: ProcessReading, threads: readonly ThreadReading[]): ProcessReading {
  const sum = (read: (reading: ProcessReading) => number) =>
    threads.reduce((total, { reading }) => total + read(reading), 0)
  const lastAtMs = threads.flatMap(({ reading }) => reading.gc.lastAtMs ?? [])
  return {
    ...own,
    usedHeapBytes: sum(({ usedHeapBytes }) => usedHeapBytes),
    totalHeapBytes: sum(({ totalHeapBytes }) => totalHeapBytes),
    physicalHeapBytes: sum(({ physicalHeapBytes }) => physicalHeapBytes),
    heapLimitBytes: sum(({ heapLimitBytes }) => heapLimitBytes),
    externalBytes: sum(({ externalBytes }) => externalBytes),
    arrayBufferBytes: sum(({ arrayBufferBytes }) => arrayBufferBytes),
    gc: {
      cycles: sum(({ gc }) => gc.cycles),
      pausedMs: sum(({ gc }) => gc.pausedMs),
      lastAtMs: lastAtMs.length === 0 ? undefined : Math.max(...lastAtMs),
    },
    activeResources: sum(({ activeResources }) => activeResources),
    loopUtilization: sum(({ loopUtilization }) => loopUtilization) / Math.max(1, threads.length),
  }
}

let last = { rss: 0, arrayBuffers: 0 }

/** Node reads resident memory from a file: if it has no descriptor for that, return the last value. */
function memoryUsage(): { rss: number; arrayBuffers: number } {
  try {
    last = process.memoryUsage()
  } catch {
    // Statistics must not throw in a timer.
  }
  return last
}

export function readProcess(gc: GcTotals): ProcessReading {
  const heap = getHeapStatistics()
  const memory = memoryUsage()
  const cpu = process.cpuUsage()
  return {
    usedHeapBytes: heap.used_heap_size,
    totalHeapBytes: heap.total_heap_size,
    physicalHeapBytes: heap.total_physical_size,
    heapLimitBytes: heap.heap_size_limit,
    residentBytes: memory.rss,
    externalBytes: heap.external_memory,
    arrayBufferBytes: memory.arrayBuffers,
    gc,
    activeResources: process.getActiveResourcesInfo().length,
    loopUtilization: performance.eventLoopUtilization().utilization,
    upMs: process.uptime() * 1000,
    threadUpMs: performance.now(),
    cpuMs: (cpu.user + cpu.system) / 1000,
    nodeVersion: process.version,
    cpus: availableParallelism(),
  }
}
