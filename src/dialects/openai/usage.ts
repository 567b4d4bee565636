import type { UsageDefinition } from '../contract/answer-form.ts'

export const openaiUsage: UsageDefinition = {
  section: 'openai',
  standard: {
    prompt_tokens: 'usage.prompt_tokens',
    completion_tokens: 'usage.completion_tokens',
    cached_tokens: 'usage.prompt_tokens_details.cached_tokens',
    reasoning_tokens: 'usage.completion_tokens_details.reasoning_tokens',
  },
  furtherPaths: undefined,
}
