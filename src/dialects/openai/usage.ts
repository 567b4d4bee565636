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

/**
 * Transcriptions: models that are billed by tokens report them under other names than chats, and others the seconds of
 * audio. Without `usage`, verbose answers have the duration of the audio, before the text.
 */
export const audioUsage: UsageDefinition = {
  section: 'openai_audio',
  standard: {
    prompt_tokens: ['usage.input_tokens', 'usage.prompt_tokens'],
    completion_tokens: ['usage.output_tokens', 'usage.completion_tokens'],
    audio_seconds: ['usage.seconds', 'duration'],
  },
  isAtStart: true,
  furtherPaths: /\/audio\/(?:transcriptions|translations)$/,
}
