import { type Static, Type } from '@sinclair/typebox'
import { formatBytes, formatGoDuration, formatTime } from '../../kernel/format.ts'
import type { ProcessCounts } from '../stats/process-counts.ts'
import { joinReadings, type ThreadReading } from '../stats/process-reading.ts'
import { ByteText, Choice, Count, Milliseconds, present, Text, Time } from './fields.ts'

/** Olla's keys with Node's equivalents; 0 if Node has none. */
export const ProcessSchema = Type.Object({
  timestamp: Time(),
  memory: Type.Object({
    heap_alloc: ByteText(),
    heap_sys: ByteText(),
    heap_inuse: ByteText(),
    heap_released: ByteText(),
    stack_inuse: ByteText(),
    total_alloc: Type.String({
      description: 'In use now, on and off the heap; Node does not count freed memory.',
    }),
    heap_limit: ByteText(),
    resident: ByteText(),
    external: ByteText(),
    array_buffers: ByteText(),
    buffered: Type.String({ description: 'Memory held by bodies and pending answers (beyond Olla).' }),
    buffered_limit: Type.String({ description: 'Limit of that memory; `0 B` is unlimited.' }),
    memory_pressure: Choice(['LOW', 'MEDIUM', 'HIGH']),
  }),
  garbage_collection: Type.Object({
    last_gc: Type.Optional(Time()),
    total_gc_time: Text('`8.479ms`.'),
    avg_gc_pause: Text('`423µs`.'),
    gc_cpu_fraction: Type.Number({ description: 'Fraction of the uptime, 0 to 1.' }),
    num_gc_cycles: Count(),
  }),
  goroutines: Type.Object(
    {
      health_status: Choice(['HEALTHY', 'NORMAL', 'ELEVATED', 'CONCERNING']),
      count: Count(),
      cgo_calls: Count(),
    },
    { description: 'Sockets, timers and other active resources of the event loop.' },
  ),
  event_loop: Type.Object(
    { utilization: Type.Number({ description: 'Busy fraction since startup, 0 to 1.' }) },
    { description: 'Beyond Olla.' },
  ),
  runtime: Type.Object({
    uptime: Text('`26m19s`.'),
    go_version: Text('`node v24.0.0`.'),
    node_version: Text('`v24.0.0` (beyond Olla).'),
    num_cpu: Count(),
    gomaxprocs: Count('Number of serving threads.'),
    thread: Count('The thread that answers (beyond Olla).'),
  }),
  allocations: Type.Object({ total_mallocs: Count(), total_frees: Count(), net_objects: Count() }),
  threads: Type.Array(
    Type.Object({
      thread: Count(),
      uptime_ms: Milliseconds('Time since the thread started.'),
      heap_alloc: ByteText(),
      heap_limit: ByteText(),
      memory_pressure: Choice(['LOW', 'MEDIUM', 'HIGH']),
      gc_cycles: Count(),
      event_loop_utilization: Type.Number(),
    }),
    { description: 'Each serving thread (beyond Olla).' },
  ),
  ended_threads: Type.Object(
    { count: Count(), requests_cut: Count() },
    { description: 'Serving threads that ended before a stop, and their requests in flight (beyond Olla).' },
  ),
  log: Type.Object(
    {
      lines_dropped: Count('Lines that an output did not accept: a full disk, or a reader that has stopped.'),
    },
    { description: 'Beyond Olla.' },
  ),
})

export type ProcessView = Static<typeof ProcessSchema>

const noBuffers = { heldBytes: 0, limitBytes: 0 }

/**
 * `/internal/process`.
 * @param own reading of the thread that answers
 * @param threads readings of all serving threads
 * @param nowMs epoch milliseconds
 * @param counts default none
 * @param buffers memory held by bodies, and its limit
 */
export function processView(
  own: ThreadReading,
  threads: readonly ThreadReading[],
  nowMs: number,
  counts: ProcessCounts = noCounts,
  buffers: { readonly heldBytes: number; readonly limitBytes: number } = noBuffers,
): ProcessView {
  const reading = joinReadings(own.reading, threads)
  const { gc, nodeVersion } = reading
  return {
    timestamp: formatTime(nowMs),
    memory: {
      heap_alloc: formatBytes(reading.usedHeapBytes),
      heap_sys: formatBytes(reading.totalHeapBytes),
      heap_inuse: formatBytes(reading.physicalHeapBytes),
      heap_released: formatBytes(Math.max(0, reading.totalHeapBytes - reading.physicalHeapBytes)),
      stack_inuse: formatBytes(0),
      total_alloc: formatBytes(reading.usedHeapBytes + reading.externalBytes),
      heap_limit: formatBytes(reading.heapLimitBytes),
      resident: formatBytes(reading.residentBytes),
      external: formatBytes(reading.externalBytes),
      array_buffers: formatBytes(reading.arrayBufferBytes),
      buffered: formatBytes(buffers.heldBytes),
      buffered_limit: formatBytes(buffers.limitBytes),
      memory_pressure: worstPressure(threads),
    },
    garbage_collection: {
      ...present({ last_gc: gc.lastAtMs === undefined ? undefined : formatTime(gc.lastAtMs) }),
      total_gc_time: formatGoDuration(gc.pausedMs),
      avg_gc_pause: formatGoDuration(gc.cycles === 0 ? 0 : gc.pausedMs / gc.cycles),
      gc_cpu_fraction: reading.upMs === 0 ? 0 : gc.pausedMs / reading.upMs,
      num_gc_cycles: gc.cycles,
    },
    goroutines: {
      health_status: resourceHealth(reading.activeResources),
      count: reading.activeResources,
      cgo_calls: 0,
    },
    event_loop: { utilization: reading.loopUtilization },
    runtime: {
      uptime: formatGoDuration(Math.floor(reading.upMs / 1000) * 1000),
      go_version: `node ${nodeVersion}`,
      node_version: nodeVersion,
      num_cpu: reading.cpus,
      gomaxprocs: threads.length,
      thread: own.thread,
    },
    allocations: { total_mallocs: 0, total_frees: 0, net_objects: 0 },
    threads: threads.map(threadRow),
    ended_threads: { count: counts.endedThreads, requests_cut: counts.cutRequests },
    log: { lines_dropped: counts.lostLogLines },
  }
}

const noCounts: ProcessCounts = { lostLogLines: 0, endedThreads: 0, cutRequests: 0 }

function threadRow({ thread, reading }: ThreadReading): ProcessView['threads'][number] {
  return {
    thread,
    uptime_ms: Math.round(reading.threadUpMs),
    heap_alloc: formatBytes(reading.usedHeapBytes),
    heap_limit: formatBytes(reading.heapLimitBytes),
    memory_pressure: memoryPressure(reading.usedHeapBytes, reading.heapLimitBytes),
    gc_cycles: reading.gc.cycles,
    event_loop_utilization: reading.loopUtilization,
  }
}

/** The thread closest to its heap limit runs out of memory first. */
function worstPressure(threads: readonly ThreadReading[]): 'LOW' | 'MEDIUM' | 'HIGH' {
  const shares = threads.map(({ reading }) => reading.usedHeapBytes / Math.max(1, reading.heapLimitBytes))
  return memoryPressure(Math.max(0, ...shares), 1)
}

/** How close the heap is to the limit at which the process runs out of memory. */
export function memoryPressure(usedBytes: number, limitBytes: number): 'LOW' | 'MEDIUM' | 'HIGH' {
  const share = limitBytes === 0 ? 0 : usedBytes / limitBytes
  if (share >= 0.85) return 'HIGH'
  return share >= 0.6 ? 'MEDIUM' : 'LOW'
}

/** Olla's thresholds (contract 1.6). */
export function resourceHealth(count: number): ProcessView['goroutines']['health_status'] {
  if (count > 1000) return 'CONCERNING'
  if (count > 500) return 'ELEVATED'
  return count > 100 ? 'NORMAL' : 'HEALTHY'
}
