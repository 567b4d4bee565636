import type { AnswerApi, UsagePaths } from './usage-fields.ts'

/** Where each API has its numbers; a profile's `usage` section goes before. */
export const standardFields: Readonly<Record<AnswerApi, UsagePaths>> = {
  openai: {
    prompt_tokens: 'usage.prompt_tokens',
    completion_tokens: 'usage.completion_tokens',
    cached_tokens: 'usage.prompt_tokens_details.cached_tokens',
  },
  responses: {
    prompt_tokens: 'usage.input_tokens',
    completion_tokens: 'usage.output_tokens',
    cached_tokens: 'usage.input_tokens_details.cached_tokens',
  },
  // `input_tokens` are those that no cache had (Messages API, prompt caching).
  anthropic: {
    prompt_tokens: 'usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens',
    completion_tokens: 'usage.output_tokens',
    cached_tokens: 'usage.cache_read_input_tokens',
  },
  ollama: {
    prompt_tokens: 'prompt_eval_count',
    completion_tokens: 'eval_count',
    load_ns: 'load_duration',
    prompt_ns: 'prompt_eval_duration',
    generation_ns: 'eval_duration',
  },
}

/** What Olla's profiles call the same things in `metrics.extraction.paths` (contract 11.2). */
export const extractionNames: Readonly<Record<string, string>> = {
  input_tokens: 'prompt_tokens',
  output_tokens: 'completion_tokens',
  cache_read_tokens: 'cached_tokens',
  load_duration_ns: 'load_ns',
  prompt_duration_ns: 'prompt_ns',
  prompt_processing_ms: 'prompt_ms',
  eval_duration_ns: 'generation_ns',
  generation_time_ms: 'generation_ms',
  predicted_ms: 'generation_ms',
}
