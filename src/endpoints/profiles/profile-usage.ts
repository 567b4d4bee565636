import { type Static, Type } from '@sinclair/typebox'
import { extractionNames, standardFields } from './standard-fields.ts'
import { type AnswerApi, planUsage, type UsagePaths, type UsagePlan, usageKeys } from './usage-fields.ts'

const Path = Type.String({ minLength: 1 })
const Paths = Type.Optional(
  Type.Record(
    Type.String({ pattern: `^(?:${usageKeys.join('|')})$` }),
    Type.Union([Path, Type.Array(Path, { minItems: 1 })]),
    { additionalProperties: false },
  ),
)

/** The `usage` section of a backend profile. */
export const UsageSchema = Type.Object(
  {
    stream_options: Type.Optional(Type.Boolean()),
    openai: Paths,
    responses: Paths,
    anthropic: Paths,
    ollama: Paths,
  },
  { additionalProperties: false },
)

/** Olla's section with the same purpose (contract 11.2); what its `calculations` give is ours for every backend. */
export const ExtractionSchema = Type.Object({
  enabled: Type.Optional(Type.Boolean()),
  paths: Type.Optional(Type.Record(Type.String(), Type.String())),
})

/** What a kind of backend tells of its answers, and where. */
export interface ProfileUsage {
  /** Whether a stream that does not ask for its usage can be made to tell it, in an event of its own. */
  readonly asksStreams: boolean
  readonly plans: Readonly<Record<AnswerApi, UsagePlan>>
}

/** The profile's own paths first, then those that the API has by itself, then those of Olla's section. */
export function profileUsage(
  usage: Static<typeof UsageSchema> = {},
  extraction: Static<typeof ExtractionSchema> = {},
): ProfileUsage {
  const isOn = extraction.enabled ?? true
  const extracted = extractedPaths(extraction.paths ?? {})
  const plan = (api: AnswerApi) => planUsage(isOn ? [usage[api] ?? {}, standardFields[api], extracted] : [])
  return {
    asksStreams: isOn && (usage.stream_options ?? false),
    plans: {
      openai: plan('openai'),
      responses: plan('responses'),
      anthropic: plan('anthropic'),
      ollama: plan('ollama'),
    },
  }
}

/** For endpoints whose kind is not known. */
export const unknownUsage: ProfileUsage = profileUsage()

/** Those that mean something here, `$.` taken off. */
function extractedPaths(paths: Readonly<Record<string, string>>): UsagePaths {
  return Object.fromEntries(
    Object.entries(paths).flatMap(([name, path]) => {
      const key = extractionNames[name]
      return key === undefined || !/^\$\.[\w.]+$/.test(path) ? [] : [[key, path.slice(2)]]
    }),
  )
}
