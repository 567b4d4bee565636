import type { JsonObject } from './json-fields.ts'

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
}
