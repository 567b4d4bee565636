import type { JsonObject } from '../../kernel/json/json-fields.ts'

/** One message of an OpenAI chat. */
export type ChatMessage = JsonObject & { readonly role: 'system' | 'user' | 'assistant' | 'tool' }

/** What an endpoint's chat route supports beyond the common subset; from its profile. */
export interface ChatTraits {
  /** The field in assistant messages for the model's earlier thinking. */
  readonly reasoningField: 'reasoning_content' | 'reasoning' | 'none'
  /** How a request enables and disables thinking. */
  readonly thinkingSwitch: 'chat_template_kwargs' | 'reasoning_effort' | 'none'
  /** Whether the endpoint reads a `file` part with a PDF. */
  readonly readsFiles: boolean
  /** Whether the endpoint can continue an assistant message at the end, if the request asks for it. */
  readonly continuesMessages: boolean
  /**
   * Whether it accepts `reasoning_effort`: always, also as a template argument, or only for models known to think,
   * because it refuses the field for others. Default none.
   */
  readonly effort?: 'reasoning_effort' | 'chat_template_kwargs' | 'thinking_models' | 'none'
  /** Its name for the repeat penalty; servers with one also have `min_p`. Default none: it has neither. */
  readonly repeatPenalty?: 'repetition_penalty' | 'repeat_penalty' | 'none'
  /** Maximum length of a tool name; undefined if unlimited. */
  readonly maxToolNameLength?: number | undefined
  /** Distinguishes thinking of this endpoint from that of others. */
  readonly endpointMark?: string | undefined
  /** Whether the model is known to think. */
  readonly isThinker?: boolean | undefined
}

/** What every OpenAI-compatible server supports. */
export const plainChat: ChatTraits & { readonly path: string } = {
  path: '/v1/chat/completions',
  reasoningField: 'none',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
}
