import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { GcTotals } from './gc-monitor.ts'

/** What the process says of itself at one moment; sizes in bytes. */
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
  /** Busy share of the event loop since the start, 0 to 1. */
  readonly loopUtilization: number
  readonly upMs: number
  /** User and system time of the process. */
  readonly cpuMs: number
  readonly nodeVersion: string
  readonly cpus: number
}

export function readProcess(gc: GcTotals): ProcessReading {
  const heap = getHeapStatistics()
  const memory = process.memoryUsage()
  const cpu = process.cpuUsage()
  return {
    usedHeapBytes: heap.used_heap_size,
    totalHeapBytes: heap.total_heap_size,
    physicalHeapBytes: heap.total_physical_size,
    heapLimitBytes: heap.heap_size_limit,
    residentBytes: memory.rss,
    externalBytes: memory.external,
    arrayBufferBytes: memory.arrayBuffers,
    gc,
    activeResources: process.getActiveResourcesInfo().length,
    loopUtilization: performance.eventLoopUtilization().utilization,
    upMs: process.uptime() * 1000,
    cpuMs: (cpu.user + cpu.system) / 1000,
    nodeVersion: process.version,
    cpus: availableParallelism(),
  }
}
