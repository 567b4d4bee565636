import { isObject, type JsonObject, objectField, textField } from '../../../../kernel/json/json-fields.ts'
import { brokenAnswer } from '../../../hub/answer/answer-builder.ts'
import type { AnswerFailure, StopReason } from '../../../hub/contract/answer.ts'
import { failureIn } from '../../../hub/parts/failure.ts'

/** How a response ended. */
export type ResponseEnding = { readonly stop: StopReason } | { readonly failure: AnswerFailure }

/** @param status replaces that of a response without one */
export function readEnding(response: JsonObject, status: string): ResponseEnding {
  switch (textField(response, 'status') ?? status) {
    case 'failed':
      return { failure: failureOf(response) }
    case 'cancelled':
      return { failure: brokenAnswer('The endpoint cancelled its answer.') }
    case 'in_progress':
    case 'queued':
      return { failure: brokenAnswer('The endpoint ended its answer before it was complete.') }
    case 'incomplete':
      return { stop: incompleteReason(response) }
    default:
      return isObject(response.error) ? { failure: failureOf(response) } : { stop: 'end' }
  }
}

function failureOf({ error }: JsonObject): AnswerFailure {
  const fallback = brokenAnswer('The endpoint failed.')
  return isObject(error) || typeof error === 'string' ? (failureIn({ error }) ?? fallback) : fallback
}

function incompleteReason(response: JsonObject): StopReason {
  const details = objectField(response, 'incomplete_details')
  const reason = details === undefined ? '' : (textField(details, 'reason') ?? '')
  if (reason === 'content_filter') return 'filtered'
  return /context/.test(reason) ? 'context_full' : 'length'
}
