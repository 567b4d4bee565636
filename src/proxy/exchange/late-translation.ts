import { isMissingStatus, readMissing } from '../../dialects/errors/missing.ts'
import { noteTranslation } from '../../dialects/translate/note-translation.ts'
import type { Translations } from '../../dialects/translate/request-translation.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { type AnswerGate, type BadAttempt, type GatedAttempt, otherForm } from '../answer/answer-gate.ts'
import { ownerOf } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { LackKnowledge } from './request-lack.ts'

/** The part of an attempt that shows how its request was sent. */
export interface SentAttempt {
  readonly target: RoutedEndpoint
  readonly variant: RequestVariant | undefined
}

/**
 * Translates a request whose endpoint turns out to lack its path.
 * @returns undefined if the endpoint refused it for another reason, or if it cannot be translated
 */
export type TranslateLate = (
  request: ExchangeRequest,
  attempt: SentAttempt,
  head: UpstreamHead,
  body: Buffer,
) => RequestVariant | undefined

/** Services that choosing the next form of a refused request uses. */
export interface FormServices {
  /** Undefined if the gateway does not translate. */
  readonly translateLate?: TranslateLate | undefined
}

/** Another form of a request whose last form was refused, by an error or by an invalid answer. */
export function nextForm(
  { translateLate }: FormServices,
  request: ExchangeRequest,
  attempt: SentAttempt & GatedAttempt,
  gate: AnswerGate | undefined,
  head: UpstreamHead | undefined,
  bad: BadAttempt | undefined,
): RequestVariant | undefined {
  const form = otherForm(attempt, gate, head, bad)
  if (form !== undefined || gate?.isError !== true || head === undefined) return form
  return translateLate?.(request, attempt, head, gate.body)
}

const maxErrorBytes = 8_192

/**
 * For the operations that nearly every server has, such as chat completions: their requests have no translation of their
 * own, so that they cost nothing extra before one is needed.
 */
export function lateTranslation(
  translation: Pick<Translations, 'formatOf' | 'variants'>,
  knowledge: Pick<LackKnowledge, 'path'>,
): TranslateLate {
  return (request, { target, variant }, { statusCode }, refusal) => {
    const { context, path, query, body, modelSpan, mode } = request
    const { model } = context
    // A variant with a mode has its own translation.
    if (mode === undefined || variant?.mode !== undefined || !isMissingStatus(statusCode)) return undefined
    const client = translation.formatOf(path)
    if (client === undefined || model === undefined || !Buffer.isBuffer(body)) return undefined
    const text = refusal.toString('utf8', 0, maxErrorBytes)
    if (readMissing({ path, statusCode, text }) !== 'path') return undefined
    knowledge.path(target, path, false)
    try {
      const { id: requestId, startedAtMs: startedMs } = context
      const caller = ownerOf(context)
      const onTranslated = (applied: Parameters<typeof noteTranslation>[1]) =>
        noteTranslation(context, applied)
      const onStreamed = (isStreamed: boolean) => {
        context.isStreamedUpstream = isStreamed
      }
      const { format } = client
      const own = { format, path, query, body, modelSpan, model, requestId, startedMs, caller }
      const call = { ...own, onTranslated, onStreamed }
      return translation.variants(call)(target)
    } catch {
      // A request that cannot be translated keeps the endpoint's own answer.
      return undefined
    }
  }
}
