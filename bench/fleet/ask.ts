import type { RequestFeatures } from '../../src/routing/selection/selector.ts'
import { type Prompt, promptTokens } from './prefix-cache.ts'

/** Who asks. */
export const askKinds = ['person', 'agent', 'batch', 'heavy'] as const
export type AskKind = (typeof askKinds)[number]

/** One request of a simulated client. */
export interface Ask {
  readonly kind: AskKind
  readonly caller: string
  /** Class of the waiting line; the default is 1, normal. */
  readonly priority?: number
  readonly conversation: number
  readonly model: string
  readonly prompt: Prompt
  readonly answerTokens: number
  /** The prompt with its answer. */
  readonly answered: Prompt
  /** Sends the next request of the client, if there is one. */
  onEnd(): void
}

/** Bytes of a token in English text. */
const tokenBytes = 4

/** What the gateway reads of the request's body. */
export function featuresOf({ prompt }: Ask): RequestFeatures {
  return {
    promptBytes: promptTokens(prompt) * tokenBytes,
    media: 0,
    keys: prompt.keys,
    sizes: prompt.tokens.map((tokens) => tokens * tokenBytes),
    headDepth: prompt.headDepth,
    hasHead: prompt.headDepth > 0,
  }
}
