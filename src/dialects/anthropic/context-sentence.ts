import { type ContextLimit, difference } from '../errors/context-limit.ts'

/** What is known of the request without the endpoint's words. */
export interface RequestSize {
  /** `max_tokens` as it was asked for. */
  readonly maxTokens?: number | undefined
  /** Estimate. */
  readonly promptTokens?: number | undefined
  /** Context length of the model at that endpoint. */
  readonly limitTokens?: number | undefined
}

/**
 * Anthropic's own sentence for it: agents know its two sentences by heart and read their numbers. Numbers that
 * the endpoint does not tell come from the request, as far as they agree with what the endpoint says.
 * @returns undefined where the limit is not known
 */
export function contextSentence(found: ContextLimit, size: RequestSize = {}): string | undefined {
  const limitTokens = found.limitTokens ?? size.limitTokens
  if (limitTokens === undefined) return undefined
  const maxTokens = found.maxTokens ?? size.maxTokens
  const split = found.promptTokens === undefined ? difference(found.totalTokens, maxTokens) : undefined
  const promptTokens = promptOf(found, size) ?? split ?? size.promptTokens ?? 0
  const fitsAlone =
    found.kind === 'max_tokens'
      ? found.isLowerBound !== true || promptTokens < limitTokens
      : split !== undefined && split < limitTokens
  if (!fitsAlone || maxTokens === undefined) {
    return `prompt is too long: ${Math.max(promptTokens, limitTokens + 1)} tokens > ${limitTokens} maximum`
  }
  // The two must add up to more than the limit, or the sentence would contradict itself.
  const prompt = Math.max(Math.min(promptTokens, limitTokens - 1), limitTokens - maxTokens + 1)
  return `input length and \`max_tokens\` exceed context limit: ${prompt} + ${maxTokens} > ${limitTokens}, decrease input length or \`max_tokens\` and try again`
}

/** An endpoint that stopped counting says less than an estimate. */
function promptOf({ promptTokens, isLowerBound }: ContextLimit, size: RequestSize): number | undefined {
  return promptTokens !== undefined && isLowerBound === true
    ? Math.max(promptTokens, size.promptTokens ?? 0)
    : promptTokens
}
