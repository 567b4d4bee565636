import { editBody } from '../../../../kernel/json/body-edit.ts'
import { memberSpans } from '../../../../kernel/json/body-members.ts'
import { KeyNames } from '../../../../kernel/json/key-names.ts'
import { type ContextLimit, readContextLimit } from '../../../errors/context-limit.ts'

/** Factor by which an estimate may fall short. */
const estimateError = 1.15
/** Tokens of the template and special tokens, which no estimate includes. */
const spareTokens = 64
/** With less room than this, an answer is not worth its prompt, and the client gets the error instead. */
const minAnswerTokens = 256

/**
 * The `max_tokens` that the context leaves beside an estimated prompt.
 * @returns undefined if the requested value fits, or no useful value would
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
 * The same by the numbers in the endpoint's refusal.
 * @param body of the error
 */
export function fittedByRefusal(
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

/** The size of the prompt as the endpoint counted it. */
function countedPrompt(found: ContextLimit, maxTokens: number): number | undefined {
  if (found.isLowerBound === true) return undefined
  return found.promptTokens ?? (found.totalTokens === undefined ? undefined : found.totalTokens - maxTokens)
}

function lowered(maxTokens: number, room: number): number | undefined {
  return room >= minAnswerTokens && room < maxTokens ? room : undefined
}

const maxTokensKey = new KeyNames<number>([['max_tokens', 0]])

/** The body with another `max_tokens`; undefined keeps it. */
export function withMaxTokens(body: Buffer, maxTokens: number | undefined): Buffer {
  const [span] = maxTokens === undefined ? [] : (memberSpans(body, maxTokensKey) ?? [])
  return span === undefined ? body : editBody(body, [{ ...span, text: String(maxTokens) }])
}
