import type { JsonObject } from '../../kernel/json/json-fields.ts'

/** One message of an OpenAI chat. */
export type ChatMessage = JsonObject & { readonly role: 'system' | 'user' | 'assistant' | 'tool' }

/** What an endpoint's chat route understands beyond the common ground; from its profile. */
export interface ChatTraits {
  /** Where assistant messages carry what the model thought before. */
  readonly reasoningField: 'reasoning_content' | 'reasoning' | 'none'
  /** How thinking is switched on and off. */
  readonly thinkingSwitch: 'chat_template_kwargs' | 'reasoning_effort' | 'none'
  /** Whether a `file` part with a PDF is read. */
  readonly readsFiles: boolean
  /** Whether an assistant message at the end can be continued by asking for it. */
  readonly continuesMessages: boolean
  /**
   * Whether it takes `reasoning_effort`: always, also as an argument of its templates, or for models that are
   * known to think only, since it refuses one for others. Default none.
   */
  readonly effort?: 'reasoning_effort' | 'chat_template_kwargs' | 'thinking_models' | 'none'
  /** Longest name of a tool; undefined where any length will do. */
  readonly maxToolNameLength?: number | undefined
  /** Tells thinking that came from this endpoint from that of others. */
  readonly endpointMark?: string | undefined
  /** Whether the model is known to think. */
  readonly isThinker?: boolean | undefined
}
