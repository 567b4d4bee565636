import { Type } from '@sinclair/typebox'
import { planUsage, type UsagePaths, type UsagePlan, usageKeys } from './usage-fields.ts'

const Path = Type.String({ minLength: 1 })
const Paths = Type.Record(
  Type.String({ pattern: `^(?:${usageKeys.join('|')})$` }),
  Type.Union([Path, Type.Array(Path, { minItems: 1 })]),
  { additionalProperties: false },
)

/** The `usage` section of a backend profile: where its answers report usage, by API. */
export interface UsageDocument {
  readonly stream_options?: boolean
  readonly [section: string]: UsagePaths | boolean | undefined
}

export const UsageSchema = Type.Unsafe<UsageDocument>(
  Type.Object({ stream_options: Type.Optional(Type.Boolean()) }, { additionalProperties: Paths }),
)

/**
 * Olla's section with the same purpose (contract 11.2); for every backend the gateway computes the values of its
 * `calculations` itself.
 */
export const ExtractionSchema = Type.Object({
  enabled: Type.Optional(Type.Boolean()),
  paths: Type.Optional(Type.Record(Type.String(), Type.String())),
})

/** The names of Olla's profiles for the same values in `metrics.extraction.paths` (contract 11.2). */
const extractionNames: Readonly<Record<string, string>> = {
  input_tokens: 'prompt_tokens',
  output_tokens: 'completion_tokens',
  cache_read_tokens: 'cached_tokens',
  load_duration_ns: 'load_ns',
  prompt_duration_ns: 'prompt_ns',
  prompt_processing_ms: 'prompt_ms',
  eval_duration_ns: 'generation_ns',
  generation_time_ms: 'generation_ms',
  predicted_ms: 'generation_ms',
}

/** What a backend type reports about its answers, and where. */
export interface ProfileUsage {
  /** Whether the gateway can make a stream that does not request its usage report it, in a separate event. */
  readonly requestsStreamUsage: boolean
  /**
   * Returns where to read the answers of an API; built on first use.
   * @param section of the profile, the cache key of the plan
   * @param standard the paths that the API itself defines
   */
  plan(section: string, standard: UsagePaths): UsagePlan
}

/** The profile's own paths take precedence, then those of the API itself, then those of Olla's section. */
export function profileUsage(
  usage: UsageDocument = {},
  extraction: { readonly enabled?: boolean; readonly paths?: Readonly<Record<string, string>> } = {},
): ProfileUsage {
  const isOn = extraction.enabled ?? true
  const extracted = extractedPaths(extraction.paths ?? {})
  const plans = new Map<string, UsagePlan>()
  return {
    requestsStreamUsage: isOn && (usage.stream_options ?? false),
    plan(section, standard) {
      const known = plans.get(section)
      if (known !== undefined) return known
      const own = usage[section]
      const plan = planUsage(isOn ? [typeof own === 'object' ? own : {}, standard, extracted] : [])
      plans.set(section, plan)
      return plan
    },
  }
}

/** For endpoints of unknown backend type. */
export const unknownUsage: ProfileUsage = profileUsage()

/** Returns the paths with a known name, without `$.`. */
function extractedPaths(paths: Readonly<Record<string, string>>): UsagePaths {
  return Object.fromEntries(
    Object.entries(paths).flatMap(([name, path]) => {
      const key = extractionNames[name]
      return key === undefined || !/^\$\.[\w.]+$/.test(path) ? [] : [[key, path.slice(2)]]
    }),
  )
}
