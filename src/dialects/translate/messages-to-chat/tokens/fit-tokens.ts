import { type ContextLimit, readContextLimit } from '../../../errors/context-limit.ts'

/** An estimate may be short by so much. */
const estimateError = 1.15
/** Template and special tokens that no estimate knows. */
const spareTokens = 64
/** Answers with less room than this are not worth their prompt: the client is told instead. */
const fewestTokens = 256

/**
 * `max_tokens` as the context leaves room for it beside an estimated prompt.
 * @returns undefined where what was asked for fits, or nothing useful would
 */
export function fittedByEstimate(
  maxTokens: number | undefined,
  promptTokens: number,
  limitTokens: number | undefined,
): number | undefined {
  if (maxTokens === undefined || limitTokens === undefined) return undefined
  return lowered(maxTokens, limitTokens - Math.ceil(promptTokens * estimateError) - spareTokens)
}

/**
 * The same by what the endpoint says when it refuses.
 * @param body of its error
 */
export function fittedByWords(
  maxTokens: number | undefined,
  promptTokens: number,
  body: string,
): number | undefined {
  const found = readContextLimit(body)
  if (maxTokens === undefined || found?.limitTokens === undefined) return undefined
  const counted = countedPrompt(found, maxTokens)
  return counted === undefined
    ? fittedByEstimate(maxTokens, promptTokens, found.limitTokens)
    : lowered(maxTokens, found.limitTokens - counted)
}

/** The prompt as the endpoint has counted it. */
function countedPrompt(found: ContextLimit, maxTokens: number): number | undefined {
  if (found.isLowerBound === true) return undefined
  return found.promptTokens ?? (found.totalTokens === undefined ? undefined : found.totalTokens - maxTokens)
}

function lowered(maxTokens: number, room: number): number | undefined {
  return room >= fewestTokens && room < maxTokens ? room : undefined
}
