import { Type } from '@sinclair/typebox'
import { Section } from './sections.ts'
import { Duration } from './units.ts'

/**
 * A value of a metrics page or a JSON answer: `name`, `name{label="value"}` (only these series), `name{label}` (the value
 * of the label), or a JSON pointer whose segments may be `*`. `sum`, `max`, `min`, `mean` or `count` before it says how
 * several values become one.
 */
export const signalPattern =
  '^(?:(?:sum|max|min|mean|count) )?(?:/.*|[a-zA-Z_:][a-zA-Z0-9_:]*(?:\\{(?:[a-zA-Z_][a-zA-Z0-9_]*|[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\\]*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\\]*")*)\\})?)$'

const alternatives = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: signalPattern }), {
      minItems: 1,
      maxItems: 8,
      description: `${description} The first name that the engine has counts.`,
    }),
  )

/** What an engine may say about itself, with the names under which it says so. */
export const signalValues = {
  running: alternatives('Requests that the engine computes now.'),
  waiting: alternatives('Requests that wait in the engine.'),
  max_running: alternatives('How many requests it computes at a time.'),
  kv_cache_used: alternatives('Used part of the KV cache, 0 to 1.'),
  prefix_hits: alternatives('Counter of prompt tokens or blocks that were in its prefix cache.'),
  prefix_queries: alternatives('Counter of all prompt tokens or blocks that it looked up there.'),
  prefix_hit_rate: alternatives('Part of these that were, 0 to 1, if it has no counters.'),
  sleeping: alternatives('1 or `true` while the engine sleeps; sources after this one are then not read.'),
  adapters: alternatives('Names of LoRA adapters in use, separated by commas.'),
  adapters_loaded: alternatives('LoRA adapters in memory.'),
  max_adapters: alternatives('How many LoRA adapters fit.'),
}

export const SignalSourceSchema = Section(
  {
    path: Type.String({
      minLength: 1,
      description: 'Path or absolute URL; another server gets none of the endpoint’s headers.',
    }),
    ...signalValues,
  },
  'A metrics page (Prometheus text) or a JSON answer, and the names in it.',
)

export const SignalsSchema = Section(
  {
    interval: Type.Optional(
      Duration({
        description:
          'Time between two readings of an engine, at least 1s; 0 disables them. Default: 1s with `proxy.load_balancer: expected-latency`, otherwise 0. Endpoints whose type reports nothing are not asked.',
      }),
    ),
  },
  'What engines say about their load (beyond Olla).',
)
