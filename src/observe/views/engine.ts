import { type Static, Type } from '@sinclair/typebox'
import type { ModelMemory } from '../../endpoints/discovery/discovered-model.ts'
import { type EngineReading, readOutcomes } from '../../endpoints/engines/engine-signals.ts'
import { formatTime } from '../../kernel/format.ts'
import { Choice, Count, Milliseconds, present, Text, Time } from './fields.ts'

/** What an engine said last, and what it has in memory. */
export interface EngineSource {
  /** Undefined if the endpoint has no signals, or none are read. */
  readonly reading: EngineReading | undefined
  /** Undefined if unknown. */
  readonly loaded: readonly LoadedModel[] | undefined
}

export interface LoadedModel {
  readonly name: string
  readonly memory?: ModelMemory
}

const states = ['fresh', 'stale', 'pending', ...readOutcomes.filter((each) => each !== 'read')] as const
/** An engine has a few models in memory; a list of all models could be shown for each endpoint. */
const maxShown = 100

const fraction = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }))

export const EngineField = Type.Object(
  {
    state: Type.Optional(
      Choice(
        states,
        '`fresh`; `stale`: too old to be relied on; `pending`: not read yet; `unknown`: none of the names; `unsupported`: none of the routes; `failed`. Absent without signals.',
      ),
    ),
    read_at: Type.Optional(Time('When the values were read.')),
    age_ms: Type.Optional(Milliseconds('Since then.')),
    running: Type.Optional(Count('Requests that the engine computes.')),
    waiting: Type.Optional(Count('Requests that wait in the engine.')),
    others: Type.Optional(Count('Requests of both that did not come from this gateway.')),
    max_running: Type.Optional(Count('How many requests it computes at a time.')),
    kv_cache_used: fraction('Used part of the KV cache, 0 to 1.'),
    prefix_hit_rate: fraction('Part of recent prompts that was in the prefix cache, 0 to 1.'),
    sleeping: Type.Optional(Type.Boolean()),
    adapters: Type.Optional(Type.Array(Type.String(), { description: 'LoRA adapters in use.' })),
    adapters_loaded: Type.Optional(Count('LoRA adapters in memory.')),
    max_adapters: Type.Optional(Count('How many LoRA adapters fit.')),
    models_in_memory: Type.Optional(
      Type.Array(
        Type.Object({
          model: Text(),
          size_bytes: Type.Optional(Count()),
          vram_bytes: Type.Optional(Count('The part in the memory of the GPU.')),
          expires_at: Type.Optional(Text('When the engine unloads it, as it says.')),
          context_length: Type.Optional(Count('Tokens.')),
        }),
        { description: 'Of an engine that lists them; at most 100.' },
      ),
    ),
    error: Type.Optional(Text('Why the last reading failed.')),
  },
  { description: 'What the engine reports; a value that is absent is unknown (beyond Olla).' },
)

export type EngineView = Static<typeof EngineField>

/** @returns undefined if nothing is known */
export function engineView({ reading, loaded }: EngineSource): EngineView | undefined {
  if (reading === undefined && loaded === undefined) return undefined
  return {
    ...(reading === undefined ? {} : readingView(reading)),
    ...present({ models_in_memory: loaded?.slice(0, maxShown).map(loadedView) }),
  }
}

export function stateOf({ outcome, isStale, ageMs }: EngineReading): (typeof states)[number] {
  if (outcome === undefined) return 'pending'
  if (outcome !== 'read' && (isStale || ageMs === undefined)) return outcome
  return isStale ? 'stale' : 'fresh'
}

function readingView(reading: EngineReading): EngineView {
  const { values, readAtMs, ageMs, others, hitRate, adapters, error } = reading
  return {
    state: stateOf(reading),
    ...present({
      read_at: readAtMs === undefined ? undefined : formatTime(readAtMs),
      age_ms: ageMs === undefined ? undefined : Math.round(ageMs),
      running: whole(values.running),
      waiting: whole(values.waiting),
      others: whole(others),
      max_running: whole(values.max_running),
      kv_cache_used: hundredths(values.kv_cache_used),
      prefix_hit_rate: hundredths(hitRate),
      sleeping: values.sleeping === undefined ? undefined : values.sleeping === 1,
      adapters: adapters === undefined ? undefined : [...adapters],
      adapters_loaded: whole(values.adapters_loaded),
      max_adapters: whole(values.max_adapters),
      error,
    }),
  }
}

function loadedView({ name, memory }: LoadedModel) {
  return {
    model: name,
    ...present({
      size_bytes: memory?.sizeBytes,
      vram_bytes: memory?.vramBytes,
      expires_at: memory?.expiresAt,
      context_length: memory?.contextLength,
    }),
  }
}

function whole(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}

function hundredths(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 100) / 100
}
