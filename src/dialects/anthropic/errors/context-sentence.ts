import { type ContextLimit, difference } from '../../errors/context-limit.ts'

/** What the gateway knows about the request, independent of the endpoint's error. */
export interface RequestSize {
  /** `max_tokens` as the client sent it. */
  readonly maxTokens?: number | undefined
  /** An estimate. */
  readonly promptTokens?: number | undefined
  /** Context length of the model at this endpoint. */
  readonly limitTokens?: number | undefined
}

/**
 * Anthropic's own message for a full context: agents recognize its two forms and read the numbers. Numbers that the
 * endpoint does not report come from the request, if they are consistent with those it does.
 * @returns undefined if the limit is unknown
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
  // The sum must exceed the limit, or the message would contradict itself.
  const prompt = Math.max(Math.min(promptTokens, limitTokens - 1), limitTokens - maxTokens + 1)
  return `input length and \`max_tokens\` exceed context limit: ${prompt} + ${maxTokens} > ${limitTokens}, decrease input length or \`max_tokens\` and try again`
}

/** If the endpoint stopped counting, its number may be lower than the estimate. */
function promptOf({ promptTokens, isLowerBound }: ContextLimit, size: RequestSize): number | undefined {
  return promptTokens !== undefined && isLowerBound === true
    ? Math.max(promptTokens, size.promptTokens ?? 0)
    : promptTokens
}
