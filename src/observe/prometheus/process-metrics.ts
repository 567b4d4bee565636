import type { ProcessCounts } from '../stats/process-counts.ts'
import type { ProcessReading } from '../stats/process-reading.ts'
import { type LabelText, labelText, type MetricUnit } from './exposition.ts'
import type { Metric } from './metric.ts'

export interface ProcessMetricsSource {
  readonly process: ProcessReading
  readonly threads: readonly { readonly labels: LabelText; readonly reading: ProcessReading }[]
  readonly counts: ProcessCounts
  readonly nowMs: number
}

/** Metrics of the process and its threads, under the names that other exporters use. */
export const processMetrics: readonly Metric<ProcessMetricsSource>[] = [
  {
    name: 'process_cpu_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'User and system time of the process.',
    collect: ({ process }, out) => out.sample(process.cpuMs / 1000),
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Resident memory of the process.',
    collect: ({ process }, out) => out.sample(process.residentBytes),
  },
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Start time of the process, in seconds since the epoch.',
    collect: ({ process, nowMs }, out) => out.sample(Math.round(nowMs - process.upMs) / 1000),
  },
  {
    name: 'nodejs_version',
    type: 'info',
    help: 'Version of Node.js.',
    labels: ['version'],
    collect: ({ process }, out) => out.sample(1, labelText({ version: process.nodeVersion })),
  },
  {
    name: 'olla_log_lines_dropped',
    type: 'counter',
    help: 'Log lines that an output did not accept.',
    collect: ({ counts }, out) => out.sample(counts.lostLogLines),
  },
  {
    name: 'olla_threads_ended',
    type: 'counter',
    help: 'Serving threads that ended before a stop.',
    collect: ({ counts }, out) => out.sample(counts.endedThreads),
  },
  {
    name: 'olla_threads_requests_cut',
    type: 'counter',
    help: 'Requests that ended serving threads had in flight.',
    collect: ({ counts }, out) => out.sample(counts.cutRequests),
  },
  gauge('nodejs_heap_size_used_bytes', 'Used heap.', 'bytes', (from) => from.usedHeapBytes),
  gauge('nodejs_heap_size_total_bytes', 'Reserved heap.', 'bytes', (from) => from.totalHeapBytes),
  gauge('nodejs_heap_size_limit_bytes', 'Maximum heap.', 'bytes', (from) => from.heapLimitBytes),
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap.', 'bytes', (from) => from.externalBytes),
  gauge(
    'nodejs_array_buffer_bytes',
    'Memory outside the heap used by buffers.',
    'bytes',
    (from) => from.arrayBufferBytes,
  ),
  gauge(
    'nodejs_eventloop_utilization_ratio',
    'Busy fraction of the event loop since startup.',
    'ratio',
    (from) => from.loopUtilization,
  ),
  counter('nodejs_gc_cycles', 'Garbage collections.', undefined, (from) => from.gc.cycles),
  counter(
    'nodejs_gc_pause_seconds',
    'Time spent in garbage collections.',
    'seconds',
    (from) => from.gc.pausedMs / 1000,
  ),
]

type Read = (reading: ProcessReading) => number

function gauge(name: string, help: string, unit: MetricUnit | undefined, read: Read) {
  return perThread(name, 'gauge', help, unit, read)
}

function counter(name: string, help: string, unit: MetricUnit | undefined, read: Read) {
  return perThread(name, 'counter', help, unit, read)
}

function perThread(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  unit: MetricUnit | undefined,
  read: Read,
): Metric<ProcessMetricsSource> {
  return {
    name,
    type,
    ...(unit === undefined ? {} : { unit }),
    help,
    labels: ['thread'],
    collect: ({ threads }, out) => {
      for (const { labels, reading } of threads) out.sample(read(reading), labels)
    },
  }
}
