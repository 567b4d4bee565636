/**
 * Keys with which requests limit how many tokens are generated, in all APIs of inference servers: a maximum, a number of
 * answers, an object that may hold either, or a list of prompts that each get an answer.
 */
export type OutputKey = 'tokens' | 'choices' | 'holder' | 'prompts'

export const outputKeys: readonly (readonly [name: string, key: OutputKey])[] = [
  ['max_tokens', 'tokens'],
  ['max_completion_tokens', 'tokens'],
  ['max_output_tokens', 'tokens'],
  ['max_new_tokens', 'tokens'],
  ['n_predict', 'tokens'],
  ['num_predict', 'tokens'],
  ['n', 'choices'],
  ['best_of', 'choices'],
  ['options', 'holder'],
  ['parameters', 'holder'],
  ['sampling_params', 'holder'],
  ['prompt', 'prompts'],
]
