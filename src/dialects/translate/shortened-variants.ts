import { editBody, valueEdit } from '../../kernel/json/body-edit.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { readContextLimit } from '../errors/context-limit.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import type { Shortening, ShorterRequest, TranslatedCall, TranslateFor } from './request-translation.ts'

const maxErrorBytes = 8_192
/** How often a request is shortened after a refusal. */
const maxRefusals = 3

/**
 * The forms of a request that may be shortened: short enough for the context of each endpoint if that is known, and
 * shorter after each of some refusals for a full context.
 * @param variants of a request that is not shortened
 */
export function shortenedVariants<Call extends TranslatedCall>(
  call: Call,
  shortening: Shortening,
  variants: (call: Call) => TranslateFor,
): TranslateFor {
  const original = call.original ?? shortening.original
  const whole = variants(call)

  const shorter = (target: RoutedEndpoint, request: ShorterRequest, refusals: number): RequestVariant => {
    const { body, modelSpan, promptTokens } = request
    const sent = { ...call, original, body, modelSpan }
    const variant = variants(sent)(target) ?? ownVariant(sent, target)
    return shortenedAgain(variant, target, promptTokens, refusals)
  }

  const shortenedAgain = (
    variant: RequestVariant,
    target: RoutedEndpoint,
    sentTokens: number,
    refusals: number,
  ): RequestVariant => ({
    ...variant,
    onRefusal(head, refusal) {
      const limit = readContextLimit(refusal.toString('utf8', 0, maxErrorBytes))
      if (limit === undefined) {
        const next = variant.onRefusal?.(head, refusal)
        return next && shortenedAgain(next, target, sentTokens, refusals)
      }
      const request = refusals < maxRefusals ? shortening.afterRefusal(limit, sentTokens) : undefined
      return request && shorter(target, request, refusals + 1)
    },
  })

  return (target) => {
    const contextTokens = target.abilities?.contextLength
    const request = contextTokens === undefined ? undefined : shortening.toFit(contextTokens)
    if (request !== undefined) return shorter(target, request, 0)
    return shortenedAgain(whole(target) ?? ownVariant(call, target), target, shortening.promptTokens, 0)
  }
}

/** The request as its client would send it. */
function ownVariant(
  { path, query, body, modelSpan }: TranslatedCall,
  { sentModel }: RoutedEndpoint,
): RequestVariant {
  const isRenamed = modelSpan !== undefined && sentModel !== undefined
  return {
    path,
    query,
    body: isRenamed ? editBody(body, [valueEdit(modelSpan, sentModel)]) : body,
    mode: 'passthrough',
  }
}
