import { contextNumbers } from './context-numbers.ts'
import { errorText } from './error-text.ts'

/** The endpoint's report that a request does not fit into the model's context. */
export interface ContextLimit {
  /** `max_tokens`: the prompt fits, but not together with the requested output. */
  readonly kind: 'prompt' | 'max_tokens'
  readonly promptTokens?: number
  /** True if the endpoint stopped counting: the prompt has at least `promptTokens`. */
  readonly isLowerBound?: boolean
  readonly maxTokens?: number
  readonly limitTokens?: number
  /** Prompt and completion together. */
  readonly totalTokens?: number
}

/** Unambiguous codes and types. */
const codes =
  /context_?(?:length|window|size)_?(?:limit_?)?(?:exceeded|full)|exceed_context_size|context_overflow|context_too_long|prompt_too_long|input_length_error/

/** Unambiguous messages. */
const sentences: readonly RegExp[] = [
  /\b(?:prompt|input|request|conversation)(?: \([^)]{0,60}\))? (?:is )?too (?:long|large)\b(?! to (?!fit|process|be))/,
  /\bmaximum (?:context|prompt|model|sequence) length (?:is|of) (?:only )?\d/,
  /\breduce (?:the length of (?:the|your) (?:messages|input|prompt)|your prompt|the number of (?:input )?tokens in the)/,
  /\b(?:prompt|input)(?: length| size)? exceeds? (?:the |its )?max(?:imum)?\b[^.]{0,30}\btokens?\b/,
  /\brange of input length should be\b/,
  /\btoo many (?:input |prompt )tokens\b/,
  /\b(?:prompt|request|message|input)s? (?:has|have|contains?) too many tokens\b/,
  /\btokens in (?:the )?request more than max tokens\b/,
  /\bcontext (?:is full|overflow)|\boverflow(?:s|ed)? (?:of )?the context\b|\bcontext the overflows\b/,
  /\bcannot truncate prompt\b/,
  /\btotal (?:number of )?tokens\b[^.]{0,40}\bexceeds? (?:the )?(?:max|limit|model)/,
  // vLLM computes `max_tokens` from what the prompt leaves.
  /\bmax_tokens must be at least 1, got -\d/,
]

const limitNoun =
  /\bcontext (?:length|size|window|limit)\b|\bn_ctx\w{0,20}|\bmax_(?:model_len|seq_len|position_embeddings|num_tokens|input_tokens|input_length)\b|\bmax(?:imum)? (?:model|sequence|prompt|input|context) (?:length|size|tokens|limit)\b|\b(?:input|prompt) length limit\b|\bmodel token limit\b|\bmax input limit\b|\bmax(?:imum)? context\b|\bmax_new_tokens\b|\bsession_len\b/

/** Many other things have such limits, so the message must also mention the prompt. */
const looseNoun =
  /\bmax(?:imum)?(?: allowed)?(?: input)? length\b|\bnumber of (?:input )?tokens\b|\btoken limit\b|\bsupports? (?:only )?up to\b|\bbatch size\b|\btoo many tokens\b|\b(?:the )?limit of \d|\btokens\. given\b/

const subject =
  /\blength of (?:the |your )?(?:prompt|inputs?|messages)\b|\b(?:prompt|inputs?|input_ids|request|messages|conversation)(?: (?:length|token|tokens|token count)\b| \(|` (?:tokens|must)|,? \d)|\binput is too large to process\b|\btokens? (?:in|of|from) (?:the |your )?(?:prompt|input|messages)/

const excess =
  /\bexceed|\b(?:longer|greater|larger|more|less) than\b|\btoo (?:long|large|big|many)\b|\boverflow|\bmust be <=|>=?(?= ?\w)|\bonly supports?\b|\bsupports? (?:only )?up to\b|\b(?:not|nt|cannot|unable to) fit\b|\breached\b|\bis only\b|\bof only\b|\bthe configured\b/

/** Limits of time, money or memory do not concern the length of the request. */
const otherLimits =
  /\bper[ _-](?:minute|min|second|hour|day|month)\b|\brate[ _-]?limit|\btp[md]\b|\b(?:daily|monthly|weekly|hourly)\b|\bquota\b|\bcredits?\b|\bbilling\b|\b(?:of|enough|insufficient|available|system|gpu) (?:v?ram|memory)\b|\bdeadline exceeded\b/

/**
 * Recognizes any engine's report that a request does not fit into the context, with the numbers in it.
 * @param body an error body, or a message from one
 * @returns undefined if the error is a different one
 */
export function readContextLimit(body: string): ContextLimit | undefined {
  const text = errorText(body).toLowerCase()
  if (!isContextLimit(text)) return undefined
  const { totalTokens, excessTokens, isLowerBound, ...found } = contextNumbers(text)
  const { maxTokens, limitTokens } = found
  const promptTokens =
    found.promptTokens ??
    difference(totalTokens, maxTokens) ??
    (limitTokens === undefined || excessTokens === undefined ? undefined : limitTokens + excessTokens)
  return {
    kind: kindOf(text, promptTokens, maxTokens, limitTokens),
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(isLowerBound === true ? { isLowerBound } : {}),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(limitTokens === undefined ? {} : { limitTokens }),
    ...(totalTokens === undefined ? {} : { totalTokens }),
  }
}

function isContextLimit(text: string): boolean {
  if (codes.test(text)) return true
  if (otherLimits.test(text)) return false
  if (sentences.some((sentence) => sentence.test(text)) || isLongString(text)) return true
  if (excess.test(text)) {
    if (limitNoun.test(text) || (looseNoun.test(text) && subject.test(text))) return true
  }
  return isCounted(text)
}

/** Messages that no row matches, but whose numbers show it: more prompt tokens than the limit. */
function isCounted(text: string): boolean {
  if (!/\btokens?\b/.test(text) || !/\b(?:prompt|inputs?|conversation|messages|request)\b/.test(text))
    return false
  const { promptTokens, limitTokens } = contextNumbers(text)
  return promptTokens !== undefined && limitTokens !== undefined && promptTokens > limitTokens
}

/** OpenAI also limits the characters of a message; the same text limits short fields such as `user`. */
function isLongString(text: string): boolean {
  const found = /\bstring too long\. expected a string with maximum length (\d{1,12})/.exec(text)
  return found !== null && Number(found[1]) >= 100_000
}

function kindOf(
  text: string,
  promptTokens: number | undefined,
  maxTokens: number | undefined,
  limitTokens: number | undefined,
): ContextLimit['kind'] {
  if (limitTokens !== undefined && promptTokens !== undefined) {
    return promptTokens < limitTokens && maxTokens !== undefined ? 'max_tokens' : 'prompt'
  }
  if (promptTokens === undefined && maxTokens !== undefined) return 'max_tokens'
  return promptTokens === undefined && /\bmax_(?:completion_|new_|output_)?tokens\b/.test(text)
    ? 'max_tokens'
    : 'prompt'
}

/** The total without one part; undefined if a number is missing or the result is not positive. */
export function difference(total: number | undefined, part: number | undefined): number | undefined {
  return total !== undefined && part !== undefined && total > part ? total - part : undefined
}
