import type { AnswerFailure } from '../../hub/contract/answer.ts'
import { contextCode, errorTypeOf } from './errors.ts'

/** `error` of OpenAI's envelope. */
export interface OpenaiError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** Types that say more than the status, and the statuses that they fit. */
const specificTypes: Readonly<Record<string, readonly number[]>> = {
  insufficient_quota: [402, 403, 429],
  rate_limit_error: [429],
  authentication_error: [401],
  permission_error: [403],
  not_found_error: [404],
}

/** An endpoint's failure as OpenAI's API would report it. */
export function failureError({
  statusCode,
  endpointType = '',
  code,
  param,
  message,
  contextLimit,
}: AnswerFailure): OpenaiError {
  const fits = Object.hasOwn(specificTypes, endpointType) && specificTypes[endpointType]?.includes(statusCode)
  return {
    message,
    type: fits === true ? endpointType : errorTypeOf(statusCode),
    param: param ?? null,
    code: contextLimit === undefined ? (code ?? null) : contextCode,
  }
}

/** The JSON body of a failed answer, which is also the data of its event in a stream. */
export function failureBody(failure: AnswerFailure, requestId: string): string {
  return JSON.stringify({ error: { ...failureError(failure), request_id: requestId } })
}
