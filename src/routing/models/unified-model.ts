import type { DiscoveredModel } from '../../endpoints/discovery/discovered-model.ts'
import { mergeAbilities, type ToldAbilities } from '../../endpoints/profiles/told-abilities.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

/** One model on one endpoint, as the directory shows it. */
export interface ModelSource {
  readonly endpoint: Endpoint
  /** As the endpoint spells it. */
  readonly nativeName: string
  readonly state: 'loaded' | 'not-loaded' | 'available' | 'unknown'
  readonly seenMs: number
  /** What the endpoint lists. */
  readonly told: DiscoveredModel
}

/** The same model on any number of endpoints. */
export interface UnifiedModel extends ToldFacts {
  /** Name as most endpoints spell it; `name@digest` where another model has the name. */
  readonly id: string
  readonly name: string
  /** Every spelling, the digest form, and names of the same weights; the ID first. */
  readonly aliases: readonly string[]
  readonly family: string
  readonly variant: string
  /** `3.2b`; '' where it is unknown. */
  readonly parameterSize: string
  readonly parameterCount: number
  /** Short form, `q4km`. */
  readonly quantization: string
  readonly format: string
  readonly type: 'llm' | 'vlm' | 'embeddings'
  readonly capabilities: readonly string[]
  readonly publisher: string | undefined
  /** Epoch milliseconds of the first time it was seen. */
  readonly createdMs: number
  readonly lastSeenMs: number
  readonly sources: readonly ModelSource[]
}

/** What the sources of a model tell, and nothing that is worked out from its name. */
interface ToldFacts {
  /** The least that any source takes, so that it holds wherever a request goes. */
  readonly contextLength: number | undefined
  /** The least that any source has loaded the model with. */
  readonly contextInForce: number | undefined
  readonly embeddingLength: number | undefined
  readonly digest: string | undefined
  readonly sizeBytes: number | undefined
  readonly families: readonly string[]
  readonly abilities: ToldAbilities
}

export function toldFacts(sources: readonly ModelSource[]): ToldFacts {
  const first = <Key extends keyof DiscoveredModel>(key: Key) =>
    sources.find(({ told }) => told[key] !== undefined)?.told[key]
  return {
    contextLength: least(sources.map(({ told }) => told.contextLength)),
    contextInForce: least(sources.map(({ told }) => told.contextInForce)),
    embeddingLength: first('embeddingLength'),
    digest: first('digest'),
    sizeBytes: first('sizeBytes'),
    families: first('families') ?? [],
    abilities: mergeAbilities(sources.map(({ told }) => told.abilities)),
  }
}

/** A model as some of its endpoints have it: with their numbers, not those of the others. */
export function withSources(model: UnifiedModel, sources: readonly ModelSource[]): UnifiedModel {
  if (sources.length === model.sources.length) return model
  return { ...model, ...toldFacts(sources), sources }
}

/** Names of models that generate no text, where no endpoint says what they are for. */
const silentName =
  /(?:^|[-_./])(?:re-?rank(?:er)?|whisper|tts|stable-diffusion|sdxl|moderation)(?=$|[-_.:/])/i

/** Whether a model answers a chat, as far as is known. */
export function canChat({ type, name, abilities }: UnifiedModel): boolean {
  if (abilities.completion !== undefined) return abilities.completion
  return type !== 'embeddings' && !silentName.test(name)
}

function least(numbers: readonly (number | undefined)[]): number | undefined {
  const told = numbers.filter((number) => number !== undefined)
  return told.length === 0 ? undefined : Math.min(...told)
}
