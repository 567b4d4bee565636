import type { EngineReading } from '../../endpoints/engines/engine-signals.ts'
import type { NumberSignal } from '../../endpoints/signals/signal-source.ts'
import type { LabelText } from './exposition.ts'
import type { Metric } from './metric.ts'

export interface EngineMetricsSource {
  /** Endpoints with signals. */
  readonly engines: readonly { readonly labels: LabelText; readonly reading: EngineReading }[]
}

/** What engines report about their load. A value that is unknown or stale has no series. */
export const engineMetrics: readonly Metric<EngineMetricsSource>[] = [
  signal('olla_endpoint_engine_running', 'Requests that the engine computes.', 'running'),
  signal('olla_endpoint_engine_waiting', 'Requests that wait in the engine.', 'waiting'),
  gauge(
    'olla_endpoint_engine_others',
    'Requests in the engine that did not come from this gateway.',
    ({ others }) => others,
  ),
  signal('olla_endpoint_engine_max_running', 'How many requests it computes at a time.', 'max_running'),
  signal('olla_endpoint_engine_kv_cache_ratio', 'Used part of the KV cache, 0 to 1.', 'kv_cache_used'),
  gauge(
    'olla_endpoint_engine_prefix_hit_ratio',
    'Part of recent prompts that was in the prefix cache, 0 to 1.',
    ({ hitRate }) => hitRate,
  ),
  signal('olla_endpoint_engine_sleeping', '1 while the engine sleeps.', 'sleeping'),
  signal('olla_endpoint_engine_adapters', 'LoRA adapters in memory.', 'adapters_loaded'),
  {
    name: 'olla_endpoint_engine_up',
    type: 'gauge',
    help: '1 if the values of the engine are known and recent, otherwise 0.',
    labels: ['endpoint'],
    collect: ({ engines }, out) => {
      for (const { labels, reading } of engines) out.sample(reading.isStale ? 0 : 1, labels)
    },
  },
]

function signal(name: string, help: string, of: NumberSignal): Metric<EngineMetricsSource> {
  return gauge(name, help, ({ values }) => values[of])
}

function gauge(
  name: string,
  help: string,
  read: (reading: EngineReading) => number | undefined,
): Metric<EngineMetricsSource> {
  return {
    name,
    type: 'gauge',
    help,
    labels: ['endpoint'],
    collect: ({ engines }, out) => {
      for (const { labels, reading } of engines) {
        const value = reading.isStale ? undefined : read(reading)
        if (value !== undefined) out.sample(value, labels)
      }
    },
  }
}
