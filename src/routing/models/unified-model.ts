import type { DiscoveredModel } from '../../endpoints/discovery/discovered-model.ts'
import { mergeAbilities, type ReportedAbilities } from '../../endpoints/profiles/reported-abilities.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

/** One model on one endpoint in the directory. */
export interface ModelSource {
  readonly endpoint: Endpoint
  /** As the endpoint spells it. */
  readonly nativeName: string
  readonly state: 'loaded' | 'not-loaded' | 'available' | 'unknown'
  readonly seenMs: number
  /** The endpoint's list entry. */
  readonly listed: DiscoveredModel
}

/** One model on any number of endpoints. */
export interface UnifiedModel extends ReportedFacts {
  /** The most common spelling; `name@digest` if another model has the same name. */
  readonly id: string
  readonly name: string
  /** The ID, then every spelling, the digest form and names of the same weights. */
  readonly aliases: readonly string[]
  readonly family: string
  readonly variant: string
  /** `3.2b`; '' if unknown. */
  readonly parameterSize: string
  readonly parameterCount: number
  /** Short form, `q4km`. */
  readonly quantization: string
  readonly format: string
  readonly type: 'llm' | 'vlm' | 'embeddings'
  readonly capabilities: readonly string[]
  readonly publisher: string | undefined
  /** First seen; milliseconds since the Unix epoch. */
  readonly createdMs: number
  readonly lastSeenMs: number
  readonly sources: readonly ModelSource[]
}

/** Facts that the sources report, without anything derived from the name. */
interface ReportedFacts {
  /** The minimum over the sources, so that it holds for any of them. */
  readonly contextLength: number | undefined
  /** Minimum context that a source has loaded the model with. */
  readonly contextInForce: number | undefined
  readonly embeddingLength: number | undefined
  readonly digest: string | undefined
  readonly sizeBytes: number | undefined
  readonly families: readonly string[]
  readonly abilities: ReportedAbilities
}

export function reportedFacts(sources: readonly ModelSource[]): ReportedFacts {
  const first = <Key extends keyof DiscoveredModel>(key: Key) =>
    sources.find(({ listed }) => listed[key] !== undefined)?.listed[key]
  return {
    contextLength: least(sources.map(({ listed }) => listed.contextLength)),
    contextInForce: least(sources.map(({ listed }) => listed.contextInForce)),
    embeddingLength: first('embeddingLength'),
    digest: first('digest'),
    sizeBytes: first('sizeBytes'),
    families: first('families') ?? [],
    abilities: mergeAbilities(sources.map(({ listed }) => listed.abilities)),
  }
}

/** Restricts a model to some of its endpoints and to their numbers. */
export function withSources(model: UnifiedModel, sources: readonly ModelSource[]): UnifiedModel {
  if (sources.length === model.sources.length) return model
  return { ...model, ...reportedFacts(sources), sources }
}

/** Names of models that generate no text, for endpoints that report no type. */
const silentName =
  /(?:^|[-_./])(?:re-?rank(?:er)?|whisper|tts|stable-diffusion|sdxl|moderation)(?=$|[-_.:/])/i

/** Whether a model can chat, as far as known. */
export function canChat({ type, name, abilities }: UnifiedModel): boolean {
  if (abilities.completion !== undefined) return abilities.completion
  return type !== 'embeddings' && !silentName.test(name)
}

function least(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
