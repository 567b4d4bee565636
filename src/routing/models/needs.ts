import type { RoutedModel } from '../../endpoints/discovery/name-index.ts'
import { areSameAbilities, type ToldAbilities } from '../../endpoints/profiles/told-abilities.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'
import { type MediaParts, readMediaParts } from './media-parts.ts'

/** What a request needs of a model beyond generating text. */
export interface RequestNeeds {
  readonly vision: boolean
  readonly tools: boolean
  readonly embeddings: boolean
  readonly audio: boolean
  /** `response_format`, Ollama's `format`. */
  readonly structured: boolean
  /** Rough size of the prompt; 0 where it cannot be told. */
  readonly promptTokens: number
  /** Reads for certain what the body holds besides text; absent where it has no sign of anything. */
  readonly media?: (() => MediaParts) | undefined
}

/** What narrows the choice among candidates. */
export type Need = Exclude<keyof RequestNeeds, 'media'>

/** English text has about four bytes to a token; code and other scripts fewer, so this errs on the small side. */
const bytesPerToken = 4

/**
 * Reads the needs from the scanned bytes. A Responses API `input` is no embedding: the path tells that.
 * @param path as the endpoint sees it
 */
export function readNeeds(body: Buffer, scanned: ScannedBody, path: string): RequestNeeds {
  const { keys } = scanned
  // In Ollama's chat the images stand beside the text of a message.
  const isOllamaChat = path.endsWith('/api/chat') && hasAny(body, ['"images"'])
  const vision = keys.images || isOllamaChat || hasAny(body, ['"input_image"']) || hasImagePart(body)
  const hasAudio = hasAny(body, ['"input_audio"', '"audio_url"'])
  const audio = hasAudio || path.includes('/audio/')
  let media: MediaParts | undefined
  return {
    vision,
    audio,
    media:
      vision || hasAudio
        ? () => {
            media ??= readMediaParts(body)
            return media
          }
        : undefined,
    tools: keys.tools,
    embeddings: /\/(?:embeddings|embed)$/.test(path),
    structured: keys.responseFormat,
    // Pictures and sound are bytes, not words.
    promptTokens: vision || audio ? 0 : Math.floor(scanned.promptBytes / bytesPerToken),
  }
}

function hasImagePart(body: Buffer): boolean {
  return hasAny(body, ['"image']) && hasAny(body, ['"image_url"', '"type":"image"', '"type": "image"'])
}

function hasAny(body: Buffer, marks: readonly string[]): boolean {
  return marks.some((mark) => body.includes(mark, 0, 'latin1'))
}

/** What is known of one model on one endpoint; undefined where no list says. */
export interface KnownAbilities {
  readonly type: string | undefined
  readonly capabilities: readonly string[] | undefined
  readonly contextLength: number | undefined
  /** What the endpoint itself says, yes or no. */
  readonly told?: ToldAbilities | undefined
}

/** Words for the same ability, from engines and from the family table. */
const words: Readonly<Record<'vision' | 'tools' | 'embeddings' | 'audio' | 'structured', readonly string[]>> =
  {
    vision: ['vision', 'multimodal', 'image-understanding'],
    tools: ['tools', 'tool_use', 'function_calling', 'function-calling'],
    embeddings: ['embeddings', 'embedding', 'vector-search'],
    audio: ['audio', 'transcription'],
    structured: ['structured_output', 'json_schema', 'response_format'],
  }

const toldNames = { vision: 'vision', tools: 'tools', embeddings: 'embedding' } as const

/** Whether a model is known to be able; but for the length, `false` means that no source says so, not that it is unable. */
export function isKnownAble(need: Need, needs: RequestNeeds, known: KnownAbilities): boolean {
  // An endpoint that tells no length may take the prompt as well as one that does.
  if (need === 'promptTokens')
    return known.contextLength === undefined || known.contextLength > needs.promptTokens
  const told = need === 'structured' || need === 'audio' ? undefined : known.told?.[toldNames[need]]
  if (told !== undefined) return told
  if (need === 'vision' && known.type === 'vlm') return true
  if (need === 'embeddings' && /^embeddings?$/.test(known.type ?? '')) return true
  return known.capabilities?.some((capability) => words[need].includes(capability)) ?? false
}

/** Names for the reason header. */
export const needNames: Readonly<Record<Need, string>> = {
  vision: 'vision',
  tools: 'tools',
  embeddings: 'embeddings',
  audio: 'audio',
  structured: 'response_format',
  promptTokens: 'context_length',
}

/** What the endpoint tells goes before what is known of the model; numbers are each endpoint's own. */
export function abilitiesOf(model: RoutedModel, known: KnownAbilities | undefined): KnownAbilities {
  return {
    type: model.type ?? known?.type,
    capabilities: model.capabilities ?? known?.capabilities,
    contextLength: model.contextInForce ?? model.contextLength ?? known?.contextLength,
    told: model.abilities,
  }
}

/** Whether two are known to be able to the same; in another order is not the same. */
export function areAlike(one: KnownAbilities | undefined, other: KnownAbilities | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  if (one.type !== other.type || one.contextLength !== other.contextLength) return false
  if (!areSameAbilities(one.told, other.told)) return false
  if (one.capabilities === other.capabilities) return true
  return (
    one.capabilities?.length === other.capabilities?.length &&
    (one.capabilities ?? []).every((capability, at) => capability === other.capabilities?.[at])
  )
}
