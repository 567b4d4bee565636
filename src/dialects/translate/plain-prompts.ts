import type { Conversation } from '../hub/contract/conversation.ts'
import type { Feature } from '../hub/contract/features.ts'

/** A request with one of these asks to continue a text, not for a turn of a chat. */
const plainFeatures: readonly Feature[] = [
  'plain_prompt',
  'raw_prompt',
  'several_prompts',
  'token_prompt',
  'suffix',
  'echo',
  'completion_logprobs',
]

/** Whether a request asks to continue a text. */
export function asksForText({ uses }: Pick<Conversation, 'uses'>): boolean {
  return plainFeatures.some((feature) => uses.has(feature))
}
