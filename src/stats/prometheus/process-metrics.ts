import type { ProcessReading } from '../process-reading.ts'
import { labelText, type MetricUnit } from './exposition.ts'
import type { Metric } from './metric.ts'

export interface ProcessMetricsSource {
  readonly process: ProcessReading
  readonly nowMs: number
}

/** What the process says of itself, under the names that other exporters have given them. */
export const processMetrics: readonly Metric<ProcessMetricsSource>[] = [
  {
    name: 'process_cpu_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'User and system time of the process.',
    collect: ({ process }, out) => out.sample(process.cpuMs / 1000),
  },
  gauge(
    'process_resident_memory_bytes',
    'Resident memory of the process.',
    'bytes',
    (from) => from.residentBytes,
  ),
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the process was started, in seconds since the epoch.',
    collect: ({ process, nowMs }, out) => out.sample(Math.round(nowMs - process.upMs) / 1000),
  },
  {
    name: 'nodejs_version',
    type: 'info',
    help: 'Version of Node.js.',
    labels: ['version'],
    collect: ({ process }, out) => out.sample(1, labelText({ version: process.nodeVersion })),
  },
  gauge('nodejs_heap_size_used_bytes', 'Used heap of this thread.', 'bytes', (from) => from.usedHeapBytes),
  gauge(
    'nodejs_heap_size_total_bytes',
    'Reserved heap of this thread.',
    'bytes',
    (from) => from.totalHeapBytes,
  ),
  gauge(
    'nodejs_heap_size_limit_bytes',
    'Largest heap of this thread.',
    'bytes',
    (from) => from.heapLimitBytes,
  ),
  gauge('nodejs_external_memory_bytes', 'Memory outside of the heap.', 'bytes', (from) => from.externalBytes),
  gauge(
    'nodejs_array_buffer_bytes',
    'The part of it that is buffers.',
    'bytes',
    (from) => from.arrayBufferBytes,
  ),
  gauge(
    'nodejs_eventloop_utilization_ratio',
    'Busy share of the event loop of this thread since the start.',
    'ratio',
    (from) => from.loopUtilization,
  ),
  gauge(
    'nodejs_active_resources',
    'What keeps the event loop busy.',
    undefined,
    (from) => from.activeResources,
  ),
  {
    name: 'nodejs_gc_cycles',
    type: 'counter',
    help: 'Garbage collections of this thread.',
    collect: ({ process }, out) => out.sample(process.gc.cycles),
  },
  {
    name: 'nodejs_gc_pause_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time of garbage collections of this thread.',
    collect: ({ process }, out) => out.sample(process.gc.pausedMs / 1000),
  },
]

function gauge(
  name: string,
  help: string,
  unit: MetricUnit | undefined,
  read: (process: ProcessReading) => number,
): Metric<ProcessMetricsSource> {
  return {
    name,
    type: 'gauge',
    ...(unit === undefined ? {} : { unit }),
    help,
    collect: ({ process }, out) => out.sample(read(process)),
  }
}
