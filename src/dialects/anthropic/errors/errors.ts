import { errorTable } from '../../../kernel/errors.ts'
import { isObject } from '../../../kernel/json/json-fields.ts'
import type { DialectErrors } from '../../contract/dialect.ts'
import { clientMessage, parsedError } from '../../errors/client-message.ts'
import { readContextLimit } from '../../errors/context-limit.ts'
import { failedAnswer } from '../../hub/parts/failure.ts'
import { errorTypeNames, errorTypeOf } from './error-types.ts'
import { failureError } from './upstream-error.ts'

export const anthropicErrors = {
  types: errorTypeNames,
  body({ code, message, details }, requestId) {
    const type = errorTypeNames[errorTable[code].type]
    return {
      type: 'error',
      error: { type, message, ...(details === undefined ? {} : { details }) },
      request_id: requestId,
    }
  },
  event(framing, body) {
    return framing === 'ndjson' ? `${body}\n` : `event: error\ndata: ${body}\n\n`
  },
  translate(_form, statusCode, body) {
    const value = parsedError(body)
    if (value?.type === 'error' && isObject(value.error) && typeof value.error.message === 'string')
      return undefined
    // Agents compact their context only on Anthropic's own sentence.
    const error =
      readContextLimit(body) === undefined
        ? { type: errorTypeOf(statusCode), message: clientMessage(value, body, statusCode) }
        : failureError(failedAnswer(statusCode, body))
    return JSON.stringify({ type: 'error', error })
  },
  status: (_form, statusCode) => statusCode,
} satisfies DialectErrors
