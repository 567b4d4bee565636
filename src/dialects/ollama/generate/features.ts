import type { Fates, Feature } from '../../hub/contract/features.ts'
import { sharedFates, sharedFields } from '../parts/features.ts'

/** What the fields of a request to `/api/generate` are. */
export const ollamaGenerateFields: Readonly<Record<string, Feature | 'none'>> = {
  ...sharedFields,
  prompt: 'none',
  system: 'system',
  suffix: 'suffix',
  images: 'image_data',
  raw: 'raw_prompt',
  template: 'prompt_template',
  context: 'context_tokens',
  // Of models that generate images.
  width: 'engine_options',
  height: 'engine_options',
  steps: 'engine_options',
}

/** What becomes of each feature in a request to `/api/generate`, which has one prompt and no tools. */
export const ollamaGenerateFates: Fates = {
  ...sharedFates,
  tools: 'refused',
  custom_tools: 'refused',
  prefill: 'refused',
  plain_prompt: 'kept',
  raw_prompt: 'kept',
  completion_logprobs: 'mapped',
  suffix: 'kept',
}
