import type { RoutedModel } from '../../endpoints/discovery/name-index.ts'
import { areSameAbilities, type ReportedAbilities } from '../../endpoints/profiles/reported-abilities.ts'
import type { ScannedBody } from '../../kernel/json/body-scan.ts'
import { type MediaParts, readMediaParts } from './media-parts.ts'

/** Abilities that a request needs beyond generating text. */
export interface RequestNeeds {
  readonly vision: boolean
  readonly tools: boolean
  readonly embeddings: boolean
  readonly audio: boolean
  /** `response_format`, Ollama's `format`. */
  readonly structured: boolean
  /** Estimated size of the prompt; 0 if unknown. */
  readonly promptTokens: number
  /** Reads the media in the body; absent if the body shows no sign of any. */
  readonly media?: (() => MediaParts) | undefined
}

/** A need that narrows the choice among candidates. */
export type Need = Exclude<keyof RequestNeeds, 'media'>

/** English text has about four bytes per token, code and other scripts fewer, so the estimate is low. */
const bytesPerToken = 4

/**
 * Derives the needs from the scanned bytes.
 * @param path as the endpoint sees it; distinguishes the `input` of the Responses API from that of embeddings
 */
export function readNeeds(body: Buffer, scanned: ScannedBody, path: string): RequestNeeds {
  const { keys } = scanned
  // Ollama's chat has images beside the text of a message.
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
    // Images and audio are not text, so their size says nothing about tokens.
    promptTokens: vision || audio ? 0 : Math.floor(scanned.promptBytes / bytesPerToken),
  }
}

function hasImagePart(body: Buffer): boolean {
  return hasAny(body, ['"image']) && hasAny(body, ['"image_url"', '"type":"image"', '"type": "image"'])
}

function hasAny(body: Buffer, marks: readonly string[]): boolean {
  return marks.some((mark) => body.includes(mark, 0, 'latin1'))
}

/** Known abilities of one model on one endpoint; fields are undefined if no list reports them. */
export interface KnownAbilities {
  readonly type: string | undefined
  readonly capabilities: readonly string[] | undefined
  readonly contextLength: number | undefined
  /** Abilities that the endpoint itself reports. */
  readonly reported?: ReportedAbilities | undefined
}

/** Names of the same ability in engines and in the family table. */
const terms: Readonly<Record<'vision' | 'tools' | 'embeddings' | 'audio' | 'structured', readonly string[]>> =
  {
    vision: ['vision', 'multimodal', 'image-understanding'],
    tools: ['tools', 'tool_use', 'function_calling', 'function-calling'],
    embeddings: ['embeddings', 'embedding', 'vector-search'],
    audio: ['audio', 'transcription'],
    structured: ['structured_output', 'json_schema', 'response_format'],
  }

const reportedNames = { vision: 'vision', tools: 'tools', embeddings: 'embedding' } as const

/** Whether a model is known to have an ability. Except for the context length, `false` means unknown, not unable. */
export function isKnownAble(need: Need, needs: RequestNeeds, known: KnownAbilities): boolean {
  // An endpoint that reports no context length may still take the prompt.
  if (need === 'promptTokens')
    return known.contextLength === undefined || known.contextLength > needs.promptTokens
  const reported =
    need === 'structured' || need === 'audio' ? undefined : known.reported?.[reportedNames[need]]
  if (reported !== undefined) return reported
  if (need === 'vision' && known.type === 'vlm') return true
  if (need === 'embeddings' && /^embeddings?$/.test(known.type ?? '')) return true
  return known.capabilities?.some((capability) => terms[need].includes(capability)) ?? false
}

/** Names in the reason header. */
export const needNames: Readonly<Record<Need, string>> = {
  vision: 'vision',
  tools: 'tools',
  embeddings: 'embeddings',
  audio: 'audio',
  structured: 'response_format',
  promptTokens: 'context_length',
}

/** The endpoint's report takes precedence over what is known of the model; numbers come from the endpoint only. */
export function abilitiesOf(model: RoutedModel, known: KnownAbilities | undefined): KnownAbilities {
  return {
    type: model.type ?? known?.type,
    capabilities: model.capabilities ?? known?.capabilities,
    contextLength: model.contextInForce ?? model.contextLength ?? known?.contextLength,
    reported: model.abilities,
  }
}

/** Whether two sets of abilities are equal, including their order. */
export function areAlike(one: KnownAbilities | undefined, other: KnownAbilities | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  if (one.type !== other.type || one.contextLength !== other.contextLength) return false
  if (!areSameAbilities(one.reported, other.reported)) return false
  if (one.capabilities === other.capabilities) return true
  return (
    one.capabilities?.length === other.capabilities?.length &&
    (one.capabilities ?? []).every((capability, at) => capability === other.capabilities?.[at])
  )
}
