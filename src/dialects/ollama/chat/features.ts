import type { Fates, Feature } from '../../hub/contract/features.ts'
import { sharedFates, sharedFields } from '../parts/features.ts'

/** What the fields of a request to `/api/chat` are. */
export const ollamaChatFields: Readonly<Record<string, Feature | 'none'>> = {
  ...sharedFields,
  messages: 'none',
  tools: 'tools',
}

/** What becomes of each feature in a request to `/api/chat`. */
export const ollamaChatFates: Fates = {
  ...sharedFates,
  thinking_history: 'kept',
  refusal_history: 'mapped',
  prefill: 'kept',
  /** In front of the text, if several users speak. */
  user_name: 'mapped',
  tools: 'kept',
  custom_tools: 'mapped',
  tool_namespaces: 'mapped',
  // Ollama always leaves the choice to the model.
  tool_choice: 'refused',
  forbidden_tools: 'mapped',
  named_tool: 'refused',
  allowed_tools: 'mapped',
  tool_result_image: 'mapped',
  tool_result_error: 'mapped',
  plain_prompt: 'mapped',
  raw_prompt: 'refused',
  suffix: 'refused',
}
